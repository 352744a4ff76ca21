/* SPDX-License-Identifier: MIT */
/*
 * What holds in each loop of the proved sources. mark-loops.py puts LOOP_BEGIN and LOOP_function_number at each loop.
 *
 * CUT(name, CHANGES, HOLDS, INSTANCE) proves a loop by induction, for any number of iterations. It stands at the begin of
 * the body. When it is first come to, HOLDS is asserted, all that iterations change is given any value (CHANGES), and HOLDS
 * assumed: what follows is an arbitrary iteration. If the loop comes here once more, HOLDS is asserted and the path
 * ends; if it ends instead, what follows it begins from the arbitrary iteration, or from none.
 *
 * Of an array only the element at index `watch`, which is any, and the first are followed: what is asserted of them holds of
 * all. INSTANCE, assumed and not asserted, is the same about the element that this iteration is about.
 *
 * UNROLL(n) goes through all iterations and asserts that they are at most n. A loop with an empty mark has a constant
 * number of iterations, and is gone through too.
 */
#ifndef WASI_LIGHT_PROOF_LOOPS_H
#define WASI_LIGHT_PROOF_LOOPS_H

#define LOOP_BEGIN for (unsigned cut_visits = 0, cut_once = 1; cut_once; cut_once = 0)

#define CUT(name, CHANGES, HOLDS, INSTANCE)                    \
  if (({                                                       \
        CHECK(HOLDS, "what holds in each iteration of " name); \
        if (cut_visits++ == 0) {                               \
          CHANGES;                                             \
          ASSUME(HOLDS);                                       \
          ASSUME(INSTANCE);                                    \
        } else {                                               \
          REACHED(name);                                       \
          ASSUME(0);                                           \
        }                                                      \
        0;                                                     \
      })) {                                                    \
  } else

#define UNROLL(n)                                \
  if (({                                         \
        if (cut_visits++ >= (n)) {               \
          CHECK(0, "at most " #n " iterations"); \
          ASSUME(0);                             \
        }                                        \
        0;                                       \
      })) {                                      \
  } else

/* args.c */
#define LOOP_strings_get_1 CUT("strings_get", i = nondet_u32(), i < strings->count, true)

/* random.c */
#define LOOP_next_block_1
#define LOOP_entropy_bytes_1 \
  CUT("entropy_bytes", (done = nondet_u32(), entropy->left = nondet_u32()), done < len && entropy->left <= 32, true)

/* chacha20.c */
#define LOOP_wasi_light__chacha20_block_1
#define LOOP_wasi_light__chacha20_block_2
#define LOOP_wasi_light__chacha20_block_3
#define LOOP_wasi_light__chacha20_block_4
#define LOOP_wasi_light__chacha20_block_5
#define LOOP_wasi_light__chacha20_block_6
#define LOOP_wasi_light__seeded_bytes_1 CUT("seeded_bytes 1", done = nondet_u64(), done < len, true)
#define LOOP_wasi_light__seeded_bytes_2 \
  CUT("seeded_bytes 2", (i = nondet_u64(), done = nondet_u64()), i < 64 && done < len, true)

/* stdio.c */
#define LOOP_take_iovecs_1                                                                            \
  CUT("take_iovecs", (i = nondet_u32(), *count = nondet_u32(), room = nondet_u32(), change_slices()), \
      i < served && served <= P1_IOVECS_MAX && *count <= i && slices_ok(slices, *count), true)
#define LOOP_read_bytes_1                                                 \
  CUT("read_bytes", (i = nondet_u32(), done = nondet_u32(), any_state()), \
      i < count && env_ok() && slices_ok(slices, count), slice_ok(*slice_at(slices, i)))
#define LOOP_write_slices_1                                                                                          \
  CUT("write_slices", (i = nondet_u32(), moved = nondet_u32(), error = any_errno(), any_state()),                    \
      i < count && (i > 0 || moved == 0) && error <= WASI_LIGHT_ENOTCAPABLE && env_ok() && slices_ok(slices, count), \
      slice_ok(*slice_at(slices, i)))
#define LOOP_check_quota_1 CUT("check_quota", (i = nondet_u32(), sum = nondet_u64()), i < count, true)
#define LOOP_wasi_light__write_again_1                                           \
  CUT("write_again 1", (i = nondet_u32(), left = nondet_u32(), change_slices()), \
      i < count && slices_ok(slices, count), slice_ok(*slice_at(slices, i)))
#define LOOP_wasi_light__write_again_2                                                        \
  CUT("write_again 2", (i = nondet_u32(), done = nondet_u32(), any_state(), change_slices()), \
      i < count && env_ok() && slices_ok(slices, count), slice_ok(*slice_at(slices, i)))
#define LOOP_wasi_light__write_again_3                                                                 \
  CUT("write_again 3",                                                                                 \
      (done = nondet_u32(), moved = nondet_u32(), any_state(), *slice_at(slices, i) = nondet_slice()), \
      env_ok() && slice_ok(*slice_at(slices, i)) && moved <= slice_at(slices, i)->len, true)

/* poll.c */
#define WAIT_LOOP(name, more)                                                                                         \
  CUT(name, (i = nondet_u32(), more, change_entries()), i < the_wait.count && the_wait.count <= P1_SUBSCRIPTIONS_MAX, \
      true)
#define LOOP_take_subscriptions_1                                              \
  CUT("take_subscriptions", (i = nondet_u32(), change_entries(), any_state()), \
      i < the_wait.count && the_wait.count <= P1_SUBSCRIPTIONS_MAX && env_ok(), true)
#define LOOP_time_left_1 WAIT_LOOP("time_left", least = nondet_u64())
#define LOOP_decide_1 WAIT_LOOP("decide", any = nondet_bool())
#define LOOP_fail_clocks_1 WAIT_LOOP("fail_clocks", (void)0)
#define LOOP_ask_streams_1                                              \
  CUT("ask_streams", (i = nondet_u32(), any_polls(), change_entries()), \
      i < the_wait.count && the_wait.count <= P1_SUBSCRIPTIONS_MAX && polls_ok(), true)
#define LOOP_wait_1 CUT("wait", (any_state(), any_wait()), env_ok() && wait_ok() && polls_ok(), true)
#define LOOP_store_events_1                                                        \
  CUT("store_events", (i = nondet_u32(), events = nondet_u32(), change_entries()), \
      i < the_wait.count && the_wait.count <= P1_SUBSCRIPTIONS_MAX && events <= i, true)

/* env.c */
#define LOOP_clear_both_1
#define LOOP_wasi_light_env_reset_1
#define LOOP_wasi_light__env_save_1
#define LOOP_wasi_light__env_restore_1
#define LOOP_wasi_light__env_state_free_1

/* reader.c */
#define LOOP_read_leb_1 UNROLL(10)
#define LOOP_wasi_light__read_s32_1 UNROLL(5)
#define LOOP_wasi_light__skip_leb_1 UNROLL(10)

#endif
