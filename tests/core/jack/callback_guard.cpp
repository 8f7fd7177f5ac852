// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "callback_guard.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <dlfcn.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <jack/jack.h>

// This program's own versions of the calls stand before those of the libraries. The process
// callback is wrapped where it is registered, so that all of it is watched, on JACK's own thread.

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define AVRIG_SANITIZED 1
#else
#define AVRIG_SANITIZED 0
#endif

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_ON 1
#endif

namespace {

constexpr char kAllow = 0;
constexpr char kBlock = 1;
constexpr long kWarmUpCycles = 16;

std::atomic<long> cycles{0};
std::atomic<long> allocations{0};
std::atomic<long> locks{0};
std::atomic<long> system_calls{0};
std::atomic<long> page_faults{0};
std::atomic<bool> dispatched{false};

thread_local bool in_callback = false;
thread_local volatile char selector = kAllow;

JackProcessCallback process = nullptr;
void* process_argument = nullptr;

#if !AVRIG_SANITIZED
void note(std::atomic<long>& counter) noexcept {
  if (in_callback) {
    counter.fetch_add(1, std::memory_order_relaxed);
  }
}
#endif

#if defined(__x86_64__) && !AVRIG_SANITIZED
// A system call from within the callback: counted, and then made for it.
void on_system_call(int, siginfo_t*, void* context) {
  selector = kAllow;
  system_calls.fetch_add(1, std::memory_order_relaxed);
  auto* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const int before = errno;
  const long result = ::syscall(registers[REG_RAX],
                                registers[REG_RDI],
                                registers[REG_RSI],
                                registers[REG_RDX],
                                registers[REG_R10],
                                registers[REG_R8],
                                registers[REG_R9]);
  registers[REG_RAX] = result < 0 ? -errno : result;
  errno = before;
}

void watch_system_calls() {
  struct sigaction action {};
  action.sa_sigaction = on_system_call;
  action.sa_flags = SA_SIGINFO;
  (void)::sigaction(SIGSYS, &action, nullptr);
  dispatched.store(::prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &selector) == 0);
}
#else
void watch_system_calls() {}
#endif

long faults() noexcept {
  rusage usage{};
  (void)::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_minflt + usage.ru_majflt;
}

int watched_process(jack_nframes_t frames, void*) {
  const long cycle = cycles.load(std::memory_order_relaxed);
  if (thread_local bool watched = false; !watched) {
    watched = true;
    watch_system_calls();
  }
  const long before = faults();
  in_callback = true;
  selector = dispatched.load(std::memory_order_relaxed) ? kBlock : kAllow;
  const int result = process(frames, process_argument);
  selector = kAllow;
  in_callback = false;
  if (cycle >= kWarmUpCycles) {
    page_faults.fetch_add(faults() - before, std::memory_order_relaxed);
  }
  cycles.store(cycle + 1, std::memory_order_relaxed);
  return result;
}

}  // namespace

extern "C" {

int jack_set_process_callback(jack_client_t* client, JackProcessCallback callback, void* argument) {
  using Set = int (*)(jack_client_t*, JackProcessCallback, void*);
  static const Set real = reinterpret_cast<Set>(::dlsym(RTLD_NEXT, "jack_set_process_callback"));
  process = callback;
  process_argument = argument;
  return real(client, &watched_process, nullptr);
}

#if !AVRIG_SANITIZED
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);

void* malloc(std::size_t size) {
  note(allocations);
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  note(allocations);
  return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) {
  note(allocations);
  return __libc_realloc(memory, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  note(allocations);
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) {
  note(allocations);
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}
void free(void* memory) {
  note(allocations);
  __libc_free(memory);
}

int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  using Lock = int (*)(pthread_mutex_t*);
  static const Lock real = reinterpret_cast<Lock>(::dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  note(locks);
  return real(mutex);
}
int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept {
  using Lock = int (*)(pthread_mutex_t*);
  static const Lock real = reinterpret_cast<Lock>(::dlsym(RTLD_NEXT, "pthread_mutex_trylock"));
  note(locks);
  return real(mutex);
}
#endif

}  // extern "C"

namespace avrig::jack::test {

Misdeeds misdeeds() noexcept {
  return {cycles.load(),
          allocations.load(),
          locks.load(),
          system_calls.load(),
          page_faults.load(),
          AVRIG_SANITIZED == 0,
          dispatched.load()};
}

}  // namespace avrig::jack::test
