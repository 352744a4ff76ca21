/* SPDX-License-Identifier: MIT */
/*
 * random_get: the configured seed's stream, or entropy of the operating system.
 *
 * Small requests are served from bytes drawn ahead, so that most cost no system call: a ChaCha20 generator with fast key
 * erasure (D. J. Bernstein, "Fast-key-erasure random-number generators", 2017). Its key comes from the system. Each block
 * is 32 bytes for the guest and 32 that replace the key, and what was given out is erased. After a fork parent and child
 * would draw the same: the child sees another generation of the process and takes a new key.
 */
#include <string.h>

#include "../platform/host.h"
#include "chacha20.h"
#include "env.h"

enum { KEY = 32, AHEAD_MAX = 256 /* larger requests go to the system */ };

/* Replaces the key, and fills the rest of the block with unused bytes. */
/*@ requires \valid(entropy);
  assigns entropy->left, entropy->bytes[0 .. 63];
  ensures entropy->left == KEY; */
static void next_block(p1_entropy_t *entropy) {
  static const uint32_t counter_and_nonce[4] = {0};
  uint32_t key[KEY / 4];
  /*@ loop invariant i <= KEY / 4; loop assigns i, key[0 .. KEY / 4 - 1]; loop variant KEY / 4 - i; */
  for (size_t i = 0; i < KEY / 4; i++) {
    const uint8_t *word = entropy->bytes + 4 * i;
    key[i] = word[0] | (uint32_t)word[1] << 8 | (uint32_t)word[2] << 16 | (uint32_t)word[3] << 24;
  }
  wasi_light__chacha20_block(key, counter_and_nonce, entropy->bytes);
  entropy->left = sizeof entropy->bytes - KEY;
}

/*@ requires \valid(entropy) && valid_entropy(entropy) && \valid(bytes + (0 .. len - 1));
  requires \separated(bytes + (0 .. len - 1), entropy);
  assigns *entropy, bytes[0 .. len - 1];
  ensures is_errno(\result) && valid_entropy(entropy); */
static uint32_t entropy_bytes(p1_entropy_t *entropy, uint8_t *bytes, uint32_t len) {
  uint32_t generation = host_generation();
  if (len > AHEAD_MAX) return host_entropy(bytes, len);
  if (entropy->generation != generation) {
    uint32_t error = host_entropy(entropy->bytes, KEY);
    if (error != WASI_LIGHT_ESUCCESS) return error;
    entropy->generation = generation;
    entropy->left = 0;
  }
  /*@ loop invariant done <= len && valid_entropy(entropy); loop assigns done, *entropy, bytes[0 .. len - 1]; loop variant len - done; */
  for (uint32_t done = 0; done < len;) {
    if (entropy->left == 0) next_block(entropy);
    uint32_t some = len - done < entropy->left ? len - done : entropy->left;
    uint8_t *from = entropy->bytes + sizeof entropy->bytes - entropy->left;
    memcpy(bytes + done, from, some);
    memset(from, 0, some);
    entropy->left -= some;
    done += some;
  }
  return WASI_LIGHT_ESUCCESS;
}

uint32_t p1_random_get(wasi_light_env_t *env, uint32_t buf, uint32_t buf_len) {
  p1_mem_t mem;
  uint64_t quota = env->config->quota.random_bytes;
  uint32_t error = WASI_LIGHT_ESUCCESS;
  if (wasi_light__memory(env, &mem)) return P1_STOP_NO_MEMORY;
  if (!p1_mem_has(mem, buf, buf_len)) return WASI_LIGHT_EFAULT;
  if (buf_len == 0) return WASI_LIGHT_ESUCCESS;
  if (quota > 0 && p1_sum(env->state.usage.random_bytes, buf_len) > quota) return P1_STOP_RANDOM;
  if (env->config->seeded) {
    wasi_light__seeded_bytes(env->config->seed, env->state.random_stream, env->state.random_position, p1_at(mem, buf),
                             buf_len);
    env->state.random_position += buf_len;
  } else {
    error = entropy_bytes(&env->entropy, p1_at(mem, buf), buf_len);
  }
  if (error == WASI_LIGHT_ESUCCESS) env->state.usage.random_bytes += buf_len;
  return error;
}
