/* A stand-in for libnvidia-ml.so.1 with two GPUs. Synthetic: written for the tests after the published interface,
 * not recorded from any machine. Functions that are missing here answer "function not found" in the binding. */
#include <string.h>

typedef struct { char legacy[16]; unsigned domain, bus, device, id, subsystem; char bus_id[32]; } pci_t;
typedef struct { unsigned version; unsigned long long total, reserved, free, used; } memory_t;
typedef struct { unsigned version, value; } mode_t_;
typedef struct { unsigned version; unsigned char cluster[16]; unsigned status, clique, state, health; } fabric_t;

enum { OK = 0, DEPRECATED = 26 };
static char handles[2];

int nvmlInitWithFlags(unsigned flags) { (void)flags; return OK; }
int nvmlSystemGetDriverVersion(char *text, unsigned size) { (void)size; strcpy(text, "999.1"); return OK; }
int nvmlSystemGetCudaDriverVersion_v2(int *version) { *version = 13000; return OK; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return OK; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) { *handle = &handles[index]; return OK; }
int nvmlDeviceGetName(void *h, char *text, unsigned size) { (void)h; (void)size; strcpy(text, "SYNTHETIC GB200"); return OK; }
int nvmlDeviceGetArchitecture(void *h, unsigned *value) { (void)h; *value = 10; return OK; }
int nvmlDeviceGetDisplayMode(void *h, unsigned *value) { (void)h; (void)value; return DEPRECATED; }
int nvmlDeviceGetDisplayActive(void *h, unsigned *value) { (void)h; *value = 0; return OK; }
int nvmlDeviceGetPersistenceMode(void *h, unsigned *value) { (void)h; *value = 1; return OK; }
int nvmlDeviceGetAddressingMode(void *h, mode_t_ *mode) { (void)h; mode->value = 2; return OK; }
int nvmlDeviceGetVbiosVersion(void *h, char *text, unsigned size) { (void)h; (void)size; strcpy(text, "97.00"); return OK; }
int nvmlDeviceGetUUID(void *h, char *text, unsigned size) {
  (void)size;
  strcpy(text, h == &handles[1] ? "GPU-1" : "GPU-0");
  return OK;
}
int nvmlDeviceGetPciInfo_v3(void *h, pci_t *pci) {
  memset(pci, 0, sizeof *pci);
  strcpy(pci->bus_id, h == &handles[1] ? "00000000:01:00.0" : "00000000:00:00.0");
  pci->id = 0x294110de;
  return OK;
}
int nvmlDeviceGetMigMode(void *h, unsigned *now, unsigned *next) { (void)h; *now = 1; *next = 0; return OK; }
int nvmlDeviceGetMemoryInfo_v2(void *h, memory_t *memory) { (void)h; memory->total = 189471ULL << 20; return OK; }
int nvmlDeviceGetPowerManagementLimit(void *h, unsigned *limit) { (void)h; *limit = 1200000; return OK; }
int nvmlDeviceGetC2cModeInfoV(void *h, unsigned *enabled) { (void)h; *enabled = 1; return OK; }
int nvmlDeviceGetGpuFabricInfoV(void *h, fabric_t *info) {
  (void)h;
  memset(info->cluster, 0, sizeof info->cluster);
  info->cluster[0] = 1;
  info->clique = 2;
  info->state = 3;
  return OK;
}
