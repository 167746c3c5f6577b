"""Assertions about objects of a cluster: plain documents, and Test documents of chainsaw (spec/validate.md 9).

``documents`` reads the text, ``matching`` compares an object with what is expected (``expressions`` evaluates JMESPath),
``reading`` asks the API, ``running`` repeats all that until it holds or the time is over. Nothing here writes to a
cluster, and nothing knows a component.
"""
