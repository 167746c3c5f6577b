{{/*
An Application of a component. Arguments: root (the chart), name (the Application's, without prefix), component, and
kind: "chart" or "packaged" (values are merged), "manifests" (this chart shows them), "plain" (as it is).
What is constant lies in applications/NAME.yaml and is never evaluated: whatever a recipe holds stays as it is.
*/}}
{{- define "aicr.application" -}}
{{- $values := .root.Values -}}
{{- if eq $values.show "applications" -}}
{{- $app := .root.Files.Get (printf "applications/%s.yaml" .name) | fromYaml -}}
{{- $source := $app.spec.source -}}
{{- if or (eq .kind "manifests") (eq .kind "packaged") -}}
{{- $_ := set $source "repoURL" (include "aicr.repository" .root) -}}
{{- $_ := set $source "targetRevision" $values.targetRevision -}}
{{- end -}}
{{- if eq .kind "manifests" -}}
{{- $own := dict "show" (printf "manifests/%s" .name) -}}
{{- $_ := set $source "helm" (dict "releaseName" .name "values" (toYaml $own)) -}}
{{- else if ne .kind "plain" -}}
{{- $text := include "aicr.values" . -}}
{{- if .nest -}}
{{- $text = printf "%q:\n%s" .nest ($text | indent 2) -}}
{{- end -}}
{{- $_ := set $source "helm" (merge (dict "values" $text) ($source.helm | default dict)) -}}
{{- end -}}
{{- toYaml $app -}}
{{- end -}}
{{- end -}}

{{/*
The values of a component as text: those of the bundle, with those of the installation over them.
*/}}
{{- define "aicr.values" -}}
{{- $baked := .root.Files.Get (printf "static/%s.yaml" .component) -}}
{{- $given := index .root.Values .component -}}
{{- if $given -}}
{{- toYaml (mustMergeOverwrite ($baked | fromYaml) (deepCopy $given)) -}}
{{- else -}}
{{- $baked -}}
{{- end -}}
{{- end -}}

{{/*
Where Argo CD finds this chart.
*/}}
{{- define "aicr.repository" -}}
{{- required "repoURL is empty: say where this chart lies for Argo CD, --set repoURL=URL" .Values.repoURL -}}
{{- end -}}
