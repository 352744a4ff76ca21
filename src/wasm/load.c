/* SPDX-License-Identifier: MIT */
/* From a module's bytes to a module: checked, rewritten, then compiled or taken from where compiled code is kept. */
#include <stdlib.h>
#include <string.h>

#include "../platform/files.h"
#include "audit.h"
#include "cache.h"

/* What is asked for. At most one of folder and artifact is set. */
typedef struct load_t {
  wasm_engine_t *engine;
  const void *bytes;
  size_t size;
  const wasi_light_limits_t *limits;
  const char *tag;
  const char *folder;
  const void *artifact;
  size_t artifact_size;
  wasi_light_error_t *error;
  /* made of it */
  wasi_light__scan_t scan;
  wasi_light__rewritten_t rewritten;
  wasm_engine_t *own_engine; /* of a metered module, until the module has it */
  wasm_store_t *store;       /* compiling needs one; what comes of it does not */
} load_t;

static void out_of_memory(const load_t *load, const char *what) {
  wasi_light__fail(load->error, WASI_LIGHT_ERROR_OUT_OF_MEMORY, "no memory for %s", what);
}

/* Checks and rewrites. To be ended in either case. */
static bool begin(load_t *load) {
  if (!load->engine || !load->bytes) {
    wasi_light__fail(load->error, WASI_LIGHT_ERROR_ARGUMENT, "%s is NULL", !load->engine ? "engine" : "bytes");
    return false;
  }
  if (!wasi_light__take_limits(&load->limits, load->error) ||
      !wasi_light__scan_checked(&load->scan, load->bytes, load->size, load->limits, load->error) ||
      !wasi_light__rewrite(&load->scan, load->limits, &load->rewritten, load->error)) {
    return false;
  }
  if (load->limits->points_per_call > 0) {
    load->engine = load->own_engine = wasi_light__metering_engine();
    if (!load->engine) {
      out_of_memory(load, "an engine");
      return false;
    }
  }
  load->store = wasm_store_new(load->engine);
  if (!load->store) out_of_memory(load, "a store");
  return load->store != NULL;
}

static void end(load_t *load) {
  if (load->store) wasm_store_delete(load->store);
  if (load->own_engine) wasm_engine_delete(load->own_engine);
  free(load->rewritten.bytes);
  wasi_light__scan_free(&load->scan);
}

static own wasm_module_t *compile(const load_t *load) {
  wasm_byte_vec_t binary = {load->rewritten.size, (wasm_byte_t *)load->rewritten.bytes};
  wasm_module_t *wasm = wasm_module_new(load->store, &binary);
  if (!wasm) {
    char message[2048];
    wasi_light__engine_message(message, sizeof message, "the engine gave no module and no reason");
    wasi_light__fail(load->error, WASI_LIGHT_ERROR_COMPILE, "%s", message);
  }
  return wasm;
}

/* NULL if the artifact is not for this, or the engine does not take it. */
static own wasm_module_t *open_artifact(const load_t *load, const void *artifact, size_t size,
                                        const uint8_t key[WASI_LIGHT__DIGEST]) {
  size_t payload_size;
  const uint8_t *payload = wasi_light__artifact_open(artifact, size, key, &payload_size);
  if (!payload) return NULL;
  wasm_byte_vec_t vec = {payload_size, (wasm_byte_t *)payload}; /* borrowed, and not written */
  return wasm_module_deserialize(load->store, &vec);
}

/* own: free(). NULL if the engine or memory fails. */
static uint8_t *make_artifact(const wasm_module_t *wasm, const uint8_t key[WASI_LIGHT__DIGEST], size_t *size) {
  wasm_byte_vec_t payload = WASM_EMPTY_VEC;
  wasm_module_serialize(wasm, &payload);
  if (!payload.data) return NULL;
  uint8_t *artifact = wasi_light__artifact_new(payload.data, payload.size, key, size);
  wasm_byte_vec_delete(&payload);
  return artifact;
}

static own wasm_module_t *find_or_compile(const load_t *load, const uint8_t key[WASI_LIGHT__DIGEST]) {
  char name[2 * WASI_LIGHT__DIGEST + 16];
  size_t size;
  wasi_light__artifact_name(key, name);
  uint8_t *artifact = host_read_private(load->folder, name, &size);
  wasm_module_t *wasm = artifact ? open_artifact(load, artifact, size, key) : NULL;
  free(artifact);
  if (wasm) return wasm;
  wasm = compile(load);
  artifact = wasm ? make_artifact(wasm, key, &size) : NULL;
  if (artifact) host_write_private(load->folder, name, artifact, size); /* if not, it is compiled again next time */
  free(artifact);
  return wasm;
}

static own wasm_module_t *acquire(const load_t *load) {
  uint8_t key[WASI_LIGHT__DIGEST];
  if (!load->folder && !load->artifact) return compile(load);
  wasi_light__artifact_key(&load->rewritten, load->limits, load->tag, key);
  if (load->folder) return find_or_compile(load, key);
  wasm_module_t *wasm = open_artifact(load, load->artifact, load->artifact_size, key);
  if (!wasm) {
    wasi_light__fail(load->error, WASI_LIGHT_ERROR_COMPILE,
                     "the artifact is damaged, or was made for another module, limits, tag, engine or processor");
  }
  return wasm;
}

static own wasi_light_module_t *load_module(load_t *load, const wasi_light_linker_t *linker) {
  wasi_light_module_t *module = NULL;
  if (begin(load)) {
    wasm_module_t *wasm = acquire(load);
    bool recyclable = wasm && wasi_light__is_recyclable(&load->scan, NULL, NULL);
    if (wasm) module = wasi_light__module_from(load->engine, wasm, &load->rewritten, recyclable, linker, load->error);
  }
  if (module) module->nested_calls = load->limits->nested_calls;
  if (module && load->own_engine) {
    module->points_per_call = load->limits->points_per_call;
    module->own_engine = load->own_engine;
    load->own_engine = NULL;
  }
  end(load);
  return module;
}

own wasi_light_module_t *wasi_light_module_new(wasm_engine_t *engine, const void *bytes, size_t size,
                                               const wasi_light_linker_t *linker, const wasi_light_limits_t *limits,
                                               wasi_light_error_t *error) {
  load_t load = {.engine = engine, .bytes = bytes, .size = size, .limits = limits, .error = error};
  return load_module(&load, linker);
}

own wasi_light_module_t *wasi_light_module_new_cached(wasm_engine_t *engine, const void *bytes, size_t size,
                                                      const wasi_light_linker_t *linker,
                                                      const wasi_light_limits_t *limits,
                                                      const wasi_light_cache_t *cache, wasi_light_error_t *error) {
  if (!cache || cache->struct_size != sizeof *cache || !cache->folder) {
    bool made = cache && cache->struct_size == sizeof *cache;
    wasi_light__fail(error, WASI_LIGHT_ERROR_ARGUMENT, "the cache cannot be used: %s",
                     made ? "no folder is named" : "it is NULL or not made with WASI_LIGHT_CACHE_INIT");
    return NULL;
  }
  const char *problem = host_private_folder(cache->folder);
  if (problem) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_ARGUMENT, "the cache %s cannot be used: %s", cache->folder, problem);
    return NULL;
  }
  load_t load = {.engine = engine, .bytes = bytes, .size = size, .limits = limits, .error = error};
  load.folder = cache->folder;
  load.tag = cache->tag;
  return load_module(&load, linker);
}

own wasi_light_module_t *wasi_light_module_new_compiled(wasm_engine_t *engine, const void *bytes, size_t size,
                                                        const wasi_light_linker_t *linker,
                                                        const wasi_light_limits_t *limits, const char *tag,
                                                        const void *artifact, size_t artifact_size,
                                                        wasi_light_error_t *error) {
  load_t load = {.engine = engine, .bytes = bytes, .size = size, .limits = limits, .tag = tag, .error = error};
  if (!artifact) {
    wasi_light__fail(error, WASI_LIGHT_ERROR_ARGUMENT, "artifact is NULL");
    return NULL;
  }
  load.artifact = artifact;
  load.artifact_size = artifact_size;
  return load_module(&load, linker);
}

bool wasi_light_compile(wasm_engine_t *engine, const void *bytes, size_t size, const wasi_light_limits_t *limits,
                        const char *tag, own wasm_byte_vec_t *artifact, wasi_light_error_t *error) {
  load_t load = {.engine = engine, .bytes = bytes, .size = size, .limits = limits, .tag = tag, .error = error};
  uint8_t key[WASI_LIGHT__DIGEST];
  uint8_t *made = NULL;
  size_t made_size = 0;
  wasm_module_t *wasm = begin(&load) ? compile(&load) : NULL;
  if (wasm) {
    wasi_light__artifact_key(&load.rewritten, load.limits, tag, key);
    made = make_artifact(wasm, key, &made_size);
    if (made) wasm_byte_vec_new(artifact, made_size, (const wasm_byte_t *)made);
    else out_of_memory(&load, "an artifact");
    wasm_module_delete(wasm);
  }
  free(made);
  end(&load);
  return made_size > 0;
}
