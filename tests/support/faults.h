/* SPDX-License-Identifier: MIT */
/*
 * Faults on purpose. Programs that are linked with --wrap for the functions in faults.def have their calls pass through
 * here: also those of the test, so that a seam must be open (LIB) for a call to count. In a run the n-th call that
 * counts fails, in one of the ways that faults.def has for it; and what the library holds is counted.
 *
 * A scenario is a straight line of public calls. Whatever fails in it must be a clean error, must have met the fault,
 * and is called once more, which must succeed. At its end nothing may be left.
 */
#ifndef FAULTS_H
#define FAULTS_H

#include "core_guest.h"

enum { FAULT_SHORT = -1 /* it does half of it */, FAULT_NOTHING = -2 /* it succeeds with 0 bytes */ };

/* Whatever the test does not open to faults passes through uncounted. */
extern bool faults_open;
#define LIB(call)        \
  do {                   \
    faults_open = true;  \
    call;                \
    faults_open = false; \
  } while (0)

/* The n-th call (from 1) fails in its way number `way`, from 0; n = 0: none does. */
void faults_begin(unsigned long n, unsigned way);
/* Ends it. False if fewer calls were made than that. */
bool faults_end(void);
/* Whether the fault has been met, its function's name, in which way that failed, and how many it has. */
bool faults_met(void);
const char *faults_name(void);
int faults_way_met(void);
unsigned faults_ways(void);
unsigned long faults_calls(void); /* since faults_begin */

/* As long as it is not 0, each call of this function fails in this way (an errno, or one of the above), and counts it down. */
void faults_storm(const char *name, int way, unsigned times);
unsigned faults_storm_left(void);

/* The n-th call kills the process (SIGKILL): before it is made, or a write when it has done half. */
void faults_kill_at(unsigned long n);

/* What the library holds: blocks of memory, descriptors, mappings; of the engine's: objects. */
typedef struct faults_held_t {
  long blocks, descriptors, mappings, objects;
} faults_held_t;
extern faults_held_t faults_held;

/* ---- Scenarios ---- */

/* With faults off, then with each call failing in each way. The number of faults; fails the test if one is not met well. */
unsigned long faults_try(const char *name, void (*scenario)(void));
/*
 * The same, each run in a process of its own, forked off. At its end LeakSanitizer looks, if it may: the memory of threads
 * that a child does not have would be lost to it.
 */
unsigned long faults_try_forked(const char *name, void (*scenario)(void), bool may_look);

/* In a scenario: a failure, with what was tried. Ends the test, or the process if it is forked. */
#define FAULTS_REQUIRE(condition, ...)                                          \
  do {                                                                          \
    if (!(condition)) faults_fail(__FILE__, __LINE__, #condition, __VA_ARGS__); \
  } while (0)
_Noreturn void faults_fail(const char *file, int line, const char *what, const char *detail);

/*
 * A call whose result is true or not NULL if it succeeded, and that writes `faults_error` if not. If it fails, it has met
 * the fault, the error is clean, and the next call succeeds.
 */
#define MUST(call)                                   \
  do {                                               \
    bool must_;                                      \
    faults_expect();                                 \
    LIB(must_ = (call));                             \
    if (!must_) {                                    \
      faults_check_error(__FILE__, __LINE__, #call); \
      LIB(must_ = (call));                           \
      FAULTS_REQUIRE(must_, faults_error.message);   \
    }                                                \
  } while (0)
extern wasi_light_error_t faults_error;
void faults_expect(void);
void faults_check_error(const char *file, int line, const char *call);

/* A call that fails, and with this code; or for want of memory, if it met the fault. */
#define MUST_FAIL(call, CODE)                                                                        \
  do {                                                                                               \
    bool must_;                                                                                      \
    faults_expect();                                                                                 \
    LIB(must_ = (call));                                                                             \
    FAULTS_REQUIRE(!must_, "it did not fail");                                                       \
    if (faults_error.code != WASI_LIGHT_ERROR_##CODE) faults_check_error(__FILE__, __LINE__, #call); \
    FAULTS_REQUIRE(strlen(faults_error.message) > 8, "it has no message");                           \
    faults_expect();                                                                                 \
    LIB(must_ = (call));                                                                             \
    FAULTS_REQUIRE(!must_ && (faults_was_met() || faults_error.code == WASI_LIGHT_ERROR_##CODE),     \
                   faults_error.message);                                                            \
  } while (0)

/* A call without an error to write, that fails only where `cause` does. */
#define MUST_QUIETLY(call, cause)                                                       \
  do {                                                                                  \
    bool must_;                                                                         \
    faults_expect();                                                                    \
    LIB(must_ = (call));                                                                \
    if (!must_) {                                                                       \
      FAULTS_REQUIRE(faults_was_met(), "failed without a fault");                       \
      FAULTS_REQUIRE(strcmp(faults_name(), cause) == 0, "it should have done without"); \
      LIB(must_ = (call));                                                              \
      FAULTS_REQUIRE(must_, "fails again");                                             \
    }                                                                                   \
  } while (0)
/* Whether the fault was met since faults_expect. */
bool faults_was_met(void);

/* What is left over is from the time before the runs; to be called when all of it is deleted. */
long faults_real_descriptors(void);

#endif
