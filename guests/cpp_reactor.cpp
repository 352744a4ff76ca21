// SPDX-License-Identifier: MIT
//
// A plug-in in C++ with libc++, built as a WASI preview 1 reactor: iostream, chrono, random_device,
// maps, and a static object with a constructor that `_initialize` runs. Compiled without
// exceptions, which libc++ for wasm32 lacks. All reactors of this folder export the same functions
// (README.md).

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iomanip>
#include <iostream>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <wasi/api.h>

#define EXPORT(name) extern "C" __attribute__((export_name(#name)))

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

namespace {

int32_t calls;

// Made by a constructor that `_initialize` runs: a host that forgets it is greeted with "NAME!".
const std::string hello = std::string("Hello") + ", ";
std::string greeting;

// A reactor has no main(), so nobody hands it argc and argv: ask WASI.
std::vector<std::string> arguments() {
  std::size_t count = 0;
  std::size_t size = 0;
  if (__wasi_args_sizes_get(&count, &size) != 0) {
    return {};
  }
  std::vector<uint8_t *> pointers(count + 1);
  std::vector<uint8_t> bytes(size + 1);
  if (__wasi_args_get(pointers.data(), bytes.data()) != 0) {
    return {};
  }
  std::vector<std::string> result;
  for (std::size_t i = 0; i < count; i++) {
    result.emplace_back(reinterpret_cast<const char *>(pointers[i]));
  }
  return result;
}

// random_device gives 32 bits a time.
uint64_t random_bytes() {
  std::random_device device;
  uint64_t low = device();
  uint64_t high = device();
  return low | high << 32;
}

} // namespace

// Prints what this plug-in was given, and returns the number of lines.
EXPORT(report) int32_t report() {
  std::cout << "language: C++\n";

  std::cout << "args: ";
  const char *separator = "";
  for (const auto &argument : arguments()) {
    std::cout << separator << argument;
    separator = " ";
  }
  std::cout << '\n';

  const char *key1 = std::getenv("KEY1");
  std::cout << "env: " << (key1 ? key1 : "(unset)") << '\n';

  auto since_1970 = system_clock::now().time_since_epoch();
  std::cout << "realtime: " << duration_cast<seconds>(since_1970).count() << '\n';

  auto first = steady_clock::now();
  auto second = steady_clock::now();
  bool ok = first.time_since_epoch().count() != 0 && second >= first;
  std::cout << "monotonic: " << (ok ? "ok" : "broken") << '\n';

  // Printed in the order in which the bytes came.
  std::cout << "random: " << std::hex << std::setfill('0') << std::setw(16) << __builtin_bswap64(random_bytes())
            << std::dec << std::endl; // endl flushes
  return 6;
}

EXPORT(add) int32_t add(int32_t a, int32_t b) {
  return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
}

EXPORT(count) int32_t count() {
  return ++calls;
}

// 1 + 2 + ... + n, by way of a map and a vector on the heap.
EXPORT(sum) int64_t sum(int32_t n) {
  std::map<int32_t, std::vector<int64_t>> by_last_digit;
  for (int32_t i = 1; i <= n; i++) {
    by_last_digit[i % 10].push_back(i);
  }
  int64_t total = 0;
  for (const auto &[digit, numbers] : by_last_digit) {
    total = std::accumulate(numbers.begin(), numbers.end(), total);
  }
  return total;
}

// libc++'s system_clock counts microseconds, so this is a multiple of 1000.
EXPORT(now) int64_t now() {
  return duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count();
}

EXPORT(random) int64_t random_export() {
  return static_cast<int64_t>(random_bytes());
}

// Memory into which the host can write. It stays allocated until the instance goes.
EXPORT(alloc) char *alloc(int32_t size) {
  return size > 0 ? new char[static_cast<std::size_t>(size)] : nullptr;
}

// The greeting is valid until the next call of greet().
EXPORT(greet) const char *greet(const char *name, int32_t length) {
  if (!name || length < 0) {
    return nullptr;
  }
  greeting = hello + std::string(name, static_cast<std::size_t>(length)) + "!";
  return greeting.c_str();
}

// 0 if the file can be opened, else errno, with WASI's numbers. libc++ for wasm32 has no fstream.
EXPORT(open_file) int32_t open_file() {
  std::FILE *file = std::fopen("/etc/passwd", "r");
  if (!file) {
    return errno;
  }
  std::fclose(file);
  return 0;
}

// Returns the milliseconds that went by on the monotonic clock. libc++ without threads has no
// sleep_for().
EXPORT(sleep_ms) int32_t sleep_ms(int32_t ms) {
  auto start = steady_clock::now();
  timespec duration = {ms / 1000, (ms % 1000) * 1000000L};
  nanosleep(&duration, nullptr);
  return static_cast<int32_t>(duration_cast<milliseconds>(steady_clock::now() - start).count());
}

EXPORT(quit) void quit(int32_t code) {
  std::exit(code);
}

EXPORT(crash) void crash() {
  std::abort();
}
