// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "../dipstream/desk_rig.hpp"
#include "callback_guard.hpp"
#include "jack_rig.hpp"
#include <avrig/dipstream/desk_server.hpp>
#include <avrig/error.hpp>
#include <avrig/jack/output_client.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <poll.h>
#include <random>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

using namespace avrig;
using namespace avrig::jack::test;
using dipstream::test::base64;
using dipstream::test::json;

namespace {

constexpr int kThreads = 8;
constexpr std::uint32_t kVoicesEach = 12;

std::uint64_t calls_each() {
  const char* text = std::getenv("AVRIG_STORM");
  return text == nullptr ? 8000 : std::strtoull(text, nullptr, 10);
}

/// A mixer on a server, with its socket: what `dipstream` is.
struct Rig {
  explicit Rig(const std::string& path)
      : host(config(), 0), desk(host, 48000), client({server.name(), "mixer", 2, "none"}) {
    host.settle();
    client.play(host);
    client.activate(0);
    desk_server = std::make_unique<dipstream::DeskServer>(desk, path);
  }
  ~Rig() { desk_server.reset(); }

  static mixer::EngineConfig config() {
    mixer::EngineConfig made;
    made.buses = mixer::kMaxBuses;
    made.voices = 16;  // grows under way
    made.actions = 64;
    made.sources = 16;
    return made;
  }

  DummyServer server;
  dipstream::MixerHost host;
  dipstream::Desk desk;
  jack::OutputClient client;
  std::unique_ptr<dipstream::DeskServer> desk_server;
};

/// An experiment of its own, on the socket and on a queue in shared memory.
class Experiment {
 public:
  Experiment(const std::string& path, int number, const shm::Segment& queue)
      : number_(number),
        random_(static_cast<unsigned>(number)),
        queue_(queue, sizeof(mixer::Command)),
        fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    connected_ =
        ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    sound_ = base64(std::vector<float>(3000, 0.001F));
  }

  void storm(std::uint64_t calls) {
    for (std::uint64_t call = 0; call < calls && connected_; ++call) {
      if (random_() % 2 == 0) {
        push_command();
      } else {
        say(request());
        ++asked_;
      }
      if (asked_ - answered_ > 40) {
        hear(asked_ - 20);
      }
    }
    hear(asked_);
    say({{"do", "clear_sources"}, {"id", 1}});
    hear(++asked_);
  }

  [[nodiscard]] bool fared_well() const { return connected_ && answered_ == asked_; }
  [[nodiscard]] std::uint64_t accepted() const { return accepted_; }

 private:
  std::string name() {
    return "v" + std::to_string(number_) + "-" + std::to_string(random_() % kVoicesEach);
  }

  json request() {
    const auto offset = static_cast<std::int64_t>(random_() % 2000);
    const std::string voice = name();
    switch (random_() % 9) {
      case 0:
      case 1:
        return {{"do", "add"}, {"data", sound_}, {"name", voice}, {"id", 1}};
      case 2:
        return {{"do", "start"}, {"voice", voice}, {"loop", random_() % 2 == 0}, {"id", 1}};
      case 3:
        return {{"do", "start"},
                {"voice", voice},
                {"with_end", name()},
                {"offset_samples", offset},
                {"id", 1}};
      case 4:
        return {{"do", "stop"}, {"voice", voice}, {"fade", 0.01}, {"id", 1}};
      case 5:
        return {{"do", "pause"}, {"voice", voice}, {"id", 1}};
      case 6:
        return {{"do", "set"}, {"voice", voice}, {"gain_db", -6}, {"pitch", 1.5}, {"id", 1}};
      case 7:
        return {{"do", "batch"},
                {"id", 1},
                {"commands",
                 {{{"do", "start"}, {"voice", voice}},
                  {{"do", "stop"}, {"voice", voice}, {"with_start", name()}}}}};
      default:
        return {{"do", "remove"}, {"voice", voice}, {"force", true}, {"id", 1}};
    }
  }

  void push_command() {
    const mixer::VoiceId id = mixer::make_voice(static_cast<std::uint32_t>(1 + random_() % 100),
                                                1 + static_cast<std::uint32_t>(random_() % 4));
    const mixer::Command all[] = {mixer::start(id, mixer::now(), mixer::kLoopForever),
                                  mixer::start(id),
                                  mixer::stop(id, mixer::now(), 64),
                                  mixer::set_gain(id, -3.0),
                                  mixer::set_pitch(id, 0.7),
                                  mixer::pause(id),
                                  mixer::resume(id),
                                  mixer::seek(id, 17),
                                  mixer::remove_voice(id, mixer::kCommandForce, 32)};
    const mixer::Command& one = all[random_() % std::size(all)];
    (void)queue_.push(std::as_bytes(std::span(&one, 1)));
  }

  void say(const json& what) {
    const std::string line = what.dump() + "\n";
    connected_ = connected_ && ::send(fd_.get(), line.data(), line.size(), MSG_NOSIGNAL) ==
                                   static_cast<ssize_t>(line.size());
  }

  // Read until so many replies have come.
  void hear(std::uint64_t until) {
    char bytes[65536];
    while (connected_ && answered_ < until) {
      pollfd watched{fd_.get(), POLLIN, 0};
      const ssize_t count =
          ::poll(&watched, 1, 20'000) == 1 ? ::recv(fd_.get(), bytes, sizeof bytes, 0) : 0;
      if (count <= 0) {
        connected_ = false;
        return;
      }
      text_.append(bytes, static_cast<std::size_t>(count));
      for (std::size_t end = 0; (end = text_.find('\n')) != std::string::npos;) {
        const std::string line = text_.substr(0, end);
        text_.erase(0, end + 1);
        const bool reply = line.find("\"ok\":") != std::string::npos;
        answered_ += reply ? 1U : 0U;
        accepted_ += line.find("\"ok\":true") != std::string::npos ? 1U : 0U;
      }
    }
  }

  int number_;
  std::mt19937 random_;
  shm::CommandQueue queue_;
  UniqueFd fd_;
  bool connected_ = false;
  std::string sound_;
  std::string text_;
  std::uint64_t asked_ = 0;
  std::uint64_t answered_ = 0;
  std::uint64_t accepted_ = 0;
};

/// Does once a cycle what is forbidden.
class Wrongdoer final : public clock::OutputRenderer {
 public:
  Wrongdoer()
      : pages_(static_cast<char*>(::mmap(
            nullptr, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
  }
  ~Wrongdoer() override { (void)::munmap(pages_, kPages * kPage); }

  void render(const clock::OutputCycle&,
              std::uint32_t samples,
              float* const* outputs) noexcept override {
    kept_ = std::make_unique<std::vector<float>>(64);
    const std::lock_guard<std::mutex> lock(mutex_);
    (void)::getppid();
    pages_[next_++ % kPages * kPage] = 1;
    for (int output = 0; output < 2; ++output) {
      std::fill_n(outputs[output], samples, 0.0F);
    }
  }

 private:
  static constexpr std::size_t kPages = 4096;
  static constexpr std::size_t kPage = 4096;
  std::unique_ptr<std::vector<float>> kept_;
  std::mutex mutex_;
  char* pages_;
  std::size_t next_ = 0;
};

}  // namespace

TEST_SUITE("core/jack storm") {
  TEST_CASE("DS-14 SX-14 device: eight threads storm it, and the callback does nothing forbidden") {
    std::string folder = "/tmp/avrig-storm-XXXXXX";
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    const std::string path = folder + "/mix";
    {
      Rig rig(path);
      std::vector<std::unique_ptr<Experiment>> all;
      for (int number = 0; number < kThreads; ++number) {
        const shm::Segment queue = shm::CommandQueue::create(
            "storm", sizeof(mixer::Command), dipstream::MixerHost::kQueueCapacity);
        rig.desk_server->with([&](dipstream::Desk&) { REQUIRE(rig.host.attach(queue) > 0); });
        all.push_back(std::make_unique<Experiment>(path, number, queue));
      }
      std::vector<std::thread> threads;
      for (const auto& experiment : all) {
        threads.emplace_back([&experiment] { experiment->storm(calls_each()); });
      }
      for (std::thread& thread : threads) {
        thread.join();
      }
      std::uint64_t accepted = 0;
      for (const auto& experiment : all) {
        CHECK(experiment->fared_well());
        accepted += experiment->accepted();
      }
      CHECK(accepted > calls_each());
      std::size_t voices = 1;
      CHECK(eventually([&] {
        rig.desk_server->with([&](dipstream::Desk& desk) { voices = desk.voices(); });
        return voices == 0;
      }));
      const Misdeeds seen = misdeeds();
      std::printf(
          "%ld cycles, %llu requests accepted; in the callback %ld allocations, %ld locks, "
          "%ld system calls%s, %ld page faults\n",
          seen.cycles,
          static_cast<unsigned long long>(accepted),
          seen.allocations,
          seen.locks,
          seen.system_calls,
          seen.sees_system_calls ? "" : " (not counted here)",
          seen.page_faults);
      CHECK(seen.cycles > 20);
      CHECK(seen.allocations == 0);
      CHECK(seen.locks == 0);
      CHECK(seen.system_calls == 0);
      if (seen.sees_memory) {
        CHECK(seen.page_faults == 0);
      }
    }
    CHECK(::rmdir(folder.c_str()) == 0);
  }

  TEST_CASE("DS-14 device: what the callback may not do is seen when it does it") {
    DummyServer server;
    Wrongdoer wrongdoer;
    jack::OutputClient client({server.name(), "wrong", 2, "none"});
    client.play(wrongdoer);
    const Misdeeds before = misdeeds();
    client.activate(0);
    REQUIRE(eventually([&] { return misdeeds().cycles > before.cycles + 100; }));
    const Misdeeds after = misdeeds();
    if (after.sees_memory) {
      CHECK(after.allocations >= before.allocations + 100);
      CHECK(after.locks >= before.locks + 50);
      CHECK(after.page_faults > before.page_faults);
    }
    if (after.sees_system_calls) {
      CHECK(after.system_calls >= before.system_calls + 50);
    }
  }
}
