// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "allocation_watch.hpp"
#include "desk_rig.hpp"

#include <array>
#include <atomic>
#include <dlfcn.h>
#include <pthread.h>
#include <random>
#include <thread>

// What the device's thread may not do is counted, wherever it is called from.

namespace {

thread_local bool in_callback = false;
std::atomic<long> allocations{0};
std::atomic<long> locks{0};

}  // namespace

extern "C" int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  using Lock = int (*)(pthread_mutex_t*);
  static const Lock real = reinterpret_cast<Lock>(::dlsym(RTLD_NEXT, "pthread_mutex_lock"));
  locks.fetch_add(in_callback ? 1 : 0, std::memory_order_relaxed);
  return real(mutex);
}

using namespace avrig;
using namespace avrig::dipstream;
using namespace avrig::dipstream::test;

TEST_SUITE("core/dipstream callback") {
  TEST_CASE("the callback allocates nothing and locks nothing while experiments storm the desk") {
    MixerHost host(outputs(2), 2);
    Desk desk(host, 48000);
    host.settle();
    std::atomic<bool> ending{false};
    std::thread device([&] {
      std::array<std::vector<float>, 2> rows{std::vector<float>(256), std::vector<float>(256)};
      std::array<float*, 2> pointers{rows[0].data(), rows[1].data()};
      for (std::int64_t frame = 0; !ending.load(); frame += 256) {
        const avrig::test::AllocationWatch watch;
        in_callback = true;
        host.render({frame, frame * 20833, kNsPerSample, 0, 1}, 256, pointers.data());
        in_callback = false;
        allocations += watch.count();
        std::this_thread::yield();
      }
    });
    std::atomic<int> answers{0};
    const Desk::ClientId client = desk.join([&](const std::string&, int) { ++answers; });
    const std::string data = base64(std::vector<float>(3000, 0.01F));
    std::mt19937 random(3);
    std::vector<UniqueFd> none;
    for (int turn = 0; turn < 4000; ++turn) {
      const std::string name = "v" + std::to_string(random() % 16);
      const auto offset = static_cast<std::int64_t>(random() % 2000);
      const json requests[] = {
          {{"do", "add"}, {"data", data}, {"name", name}},
          {{"do", "start"}, {"voice", name}, {"loop", random() % 2 == 0}},
          {{"do", "start"}, {"voice", name}, {"with_end", "v0"}, {"offset_samples", offset}},
          {{"do", "stop"}, {"voice", name}, {"fade", 0.01}},
          {{"do", "remove"}, {"voice", name}, {"force", true}},
          {{"do", "set"}, {"voice", name}, {"gain_db", -6}, {"pitch", 1.5}},
      };
      desk.hear(client, requests[random() % 6].dump(), none);
      desk.turn();
    }
    desk.leave(client);
    ending.store(true);
    device.join();
    CHECK(answers.load() > 1000);
    CHECK(allocations.load() == 0);
    CHECK(locks.load() == 0);
  }
}
