/* SPDX-License-Identifier: MIT */
/* Files that only their owner may write: what the cache of compiled modules is made of. */
#ifndef WASI_LIGHT_FILES_H
#define WASI_LIGHT_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes the folder (0700) if it is not there. NULL, or why it is not one that only this user can write. */
const char *host_private_folder(const char *path);

/* All of folder/name, if it is a regular file that only this user can write. own: free(). NULL if not. */
uint8_t *host_read_private(const char *folder, const char *name, size_t *size);

/* Writes folder/name in one step: it is there as a whole, or as it was. */
bool host_write_private(const char *folder, const char *name, const uint8_t *bytes, size_t size);

/* What compiled code may depend on of this processor. */
void host_cpu_features(uint32_t features[8]);

#endif
