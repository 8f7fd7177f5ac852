// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "../../support/patience.hpp"
#include "link.hpp"
#include <avrig/dipstream/dipstream.hpp>
#include <avrig/mixer/commands.hpp>
#include <avrig/monotonic.hpp>
#include <avrig/shm/command_queue.hpp>
#include <avrig/unique_fd.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <csignal>
#include <cstring>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <doctest/doctest.h>

using namespace avrig;
using namespace avrig::dipstream;

namespace {

constexpr unsigned kRate = 48000;

DipStreamOptions null_device() {
  DipStreamOptions options;
  options.device = "null";
  options.samplerate = kRate;
  return options;
}
DipStreamOptions attached(const DipStream& stream) {
  DipStreamOptions options;
  options.attach = stream.socket();
  return options;
}

const std::vector<float> kTone(4800, 0.1F);

constexpr double kAhead = 0.5 * avrig::test::kSlower;  // seconds in which a request is heard

/// A process of its own, made before this one has threads, and told where the mixer listens.
class Guest {
 public:
  /// `work(path, out)` is what it does; what it writes to `out` is read by read().
  template <class Work>
  explicit Guest(const Work& work) {
    int in[2];
    int out[2];
    REQUIRE((::pipe(in) == 0 && ::pipe(out) == 0));
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(in[1]);
      ::close(out[0]);
      char path[128] = {};
      ::_exit(::read(in[0], path, sizeof path - 1) > 0 ? work(std::string(path), out[1]) : 1);
    }
    ::close(in[0]);
    ::close(out[1]);
    in_.reset(in[1]);
    out_.reset(out[0]);
  }
  void begin(const std::string& path) {
    CHECK(::write(in_.get(), path.data(), path.size()) == static_cast<ssize_t>(path.size()));
  }
  /// False: it ended without a word.
  bool read(void* bytes, std::size_t size) {
    return ::read(out_.get(), bytes, size) == static_cast<ssize_t>(size);
  }
  void kill() { ::kill(pid_, SIGKILL); }
  /// As of waitpid().
  int wait() {
    int status = -1;
    CHECK(::waitpid(pid_, &status, 0) == pid_);
    return status;
  }

 private:
  pid_t pid_ = -1;
  UniqueFd in_;
  UniqueFd out_;
};

/// Samples go by: the stream is well.
void check_alive(const DipStream& stream) {
  const double before = stream.now();
  stream.wait_until_time(before + 0.005);
  CHECK(stream.failed().empty());
}

}  // namespace

TEST_SUITE("core/dipstream library") {
  TEST_CASE("DS-01 library: a looped source, one inside it, and a stop, exact to the sample") {
    DipStream stream(null_device());
    Source a = stream.add(kRate, kTone, {1});
    Source b = stream.add(kRate, kTone, {1, 2});
    a.start({.loop = true});
    CHECK(a.is_looping());
    b.start({.start_with = &a, .with_offset = 0.2});
    a.stop({.stop_with = &b, .with_offset = 0.2});
    CHECK(b.playback_duration() == 0.1);
    CHECK(a.playback_duration() == 0.5);
    CHECK_FALSE(a.is_playing());
    CHECK(std::llround((*b.start_time() - *a.start_time()) * kRate) == 9600);
  }

  TEST_CASE("the stream tells what it is, as the device has it") {
    DipStreamOptions options = null_device();
    options.blocksize = 128;
    options.channels = 3;
    options.bias = 0.25;
    DipStream stream(options);
    CHECK(stream.samplerate() == kRate);
    CHECK(stream.channels() == 3);
    CHECK(stream.all_channels() == std::vector<unsigned>{1, 2, 3});
    CHECK(stream.current_blocksize() == 128);
    CHECK(stream.latency() == 0.25);
    CHECK(DipStream::elapsed_between(1.5, 2.0) == 0.5);
    const double moment = stream.now() + 0.02;
    stream.wait_until_time(moment);
    CHECK(stream.now() >= moment);
    CHECK(stream.time_of(monotonic_ns()) == doctest::Approx(stream.now()).epsilon(0.01));
    CHECK_THROWS_AS(DipStream({.device = "null", .clip = "soft"}), std::invalid_argument);
    CHECK_THROWS_AS(DipStream({.attach = "/nowhere/at/all"}), StreamError);
  }

  TEST_CASE("DS-03 library: at is that sample, also from an attached process's point of view") {
    DipStream own(null_device());
    DipStream guest(attached(own));
    for (DipStream* stream : {&own, &guest}) {
      Source a = stream->add(kRate, kTone, {1});
      const double moment = std::round((stream->now() + kAhead) * kRate) / kRate;
      const Scheduled scheduled = a.start({.at = moment, .wait = false});
      CHECK(scheduled.sample == std::llround(moment * kRate));
      stream->wait_until_time(moment + 0.02);
      CHECK(*a.start_time() == doctest::Approx(moment).epsilon(1e-12));
    }
  }

  TEST_CASE("DS-13 library: before a start nothing is known") {
    DipStream stream(null_device());
    Source a = stream.add(kRate, kTone, {2});
    CHECK_FALSE(a.start_time().has_value());
    CHECK_FALSE(a.end_time().has_value());
    CHECK_FALSE(a.playback_duration().has_value());
    CHECK_FALSE(a.is_playing());
    CHECK(a.data_duration() == 0.1);
    CHECK(a.channel_mapping() == std::vector<unsigned>{2});
  }

  TEST_CASE("DS-11 library: wrong calls through shared memory are refused; the stream runs on") {
    DipStream own(null_device());
    DipStream guest(attached(own));
    for (DipStream* stream : {&own, &guest}) {
      Source a = stream->add(kRate, kTone, {1});
      Source b = stream->add(kRate, kTone, {1});
      Source gone = stream->add(kRate, kTone, {1});
      stream->remove(gone);
      const auto nan = std::nanf("");
      using Bad = std::invalid_argument;
      CHECK_THROWS_AS((void)stream->add(44100, kTone, {1}), Bad);
      CHECK_THROWS_AS((void)stream->add(kRate, kTone, {0}), Bad);
      CHECK_THROWS_AS((void)stream->add(kRate, kTone, {3}), Bad);
      CHECK_THROWS_AS((void)stream->add(kRate, kTone, {1, 1}), Bad);
      CHECK_THROWS_AS((void)stream->add(kRate, kTone, {}), Bad);
      CHECK_THROWS_AS((void)stream->add(kRate, kTone, {1}, {.data_channels = 2}), Bad);
      CHECK_THROWS_AS((void)stream->add(kRate, std::vector<float>(3), {1, 2}, {.data_channels = 2}),
                      Bad);
      CHECK_THROWS_AS((void)stream->add(kRate, std::vector<float>{nan}, {1}), Bad);
      CHECK_THROWS_AS((void)stream->add(kRate, std::vector<float>{INFINITY}, {1}), Bad);
      CHECK_THROWS_AS((void)stream->add(kRate, kTone, {1}, {.bus = "sfx"}), StreamError);
      CHECK_THROWS_AS((void)stream->add_file("/nowhere/x.wav"), StreamError);
      CHECK_THROWS_AS(a.start({.start_with = &a}), Bad);
      CHECK_THROWS_AS(a.start({.at = 1, .start_with = &b}), Bad);
      CHECK_THROWS_AS(a.start({.with_offset = 1}), Bad);
      CHECK_THROWS_AS(a.start({.starting_idx = 4800}), Bad);
      CHECK_THROWS_AS(a.start({.starting_idx = -1}), Bad);
      CHECK_THROWS_AS(a.start({.at = std::nan("")}), Bad);
      CHECK_THROWS_AS(a.start({.fade = -1}), Bad);
      CHECK_THROWS_AS(a.set_pan(std::nan("")), Bad);
      CHECK_THROWS_AS(a.set_gain(std::nan("")), Bad);
      CHECK_THROWS_AS(a.set_bus("sfx"), StreamError);
      CHECK_THROWS_AS(a.stop(), StreamError);
      CHECK_THROWS_AS(gone.start(), StreamError);
      CHECK_THROWS_AS(b.start({.start_with = &gone}), StreamError);
      CHECK_THROWS_AS(stream->remove(gone), StreamError);
      CHECK_THROWS_AS((void)a.feed(kTone), Bad);
      CHECK_THROWS_AS((void)stream->request("[1]"), Bad);
      CHECK_THROWS_AS((void)stream->request(R"({"do": "dance"})"), StreamError);
      // A ring: a waits for b's start, b would wait for a's.
      (void)a.start({.start_with = &b, .wait = false});
      CHECK_THROWS_AS((void)b.start({.start_with = &a, .wait = false}), StreamError);
      check_alive(*stream);
    }
  }

  TEST_CASE("noise in a queue of shared memory is refused, and a broken queue does no harm") {
    DipStream own(null_device());
    std::atomic<int> refused{0};
    Link link(
        own.socket(),
        [&](const nlohmann::json&) {},
        [&](const nlohmann::json& message) {
          refused += message.value("event", "") == "refused" ? 1 : 0;
        },
        [] {});
    (void)link.ask({{"do", "subscribe"}});
    const Link::Reply reply = link.take(link.post({{"do", "queue"}}), 10.0);
    REQUIRE(reply.fd);
    const shm::Segment memory = shm::Segment::adopt(UniqueFd(::dup(reply.fd.get())));
    shm::CommandQueue queue(memory, sizeof(mixer::Command));
    std::uint32_t state = 12345;
    for (int turn = 0; turn < 200; ++turn) {
      mixer::Command command;
      auto* bytes = reinterpret_cast<unsigned char*>(&command);
      for (std::size_t at = 0; at < sizeof command; ++at) {
        state = state * 1664525U + 1013904223U;
        bytes[at] = static_cast<unsigned char>(state >> 24);
      }
      CHECK(queue.push(std::as_bytes(std::span(&command, 1))));
    }
    // Ours alone to ask for: buses and time.
    for (const mixer::Command& command : {mixer::add_bus(9, 0), mixer::jump(1000, 7)}) {
      CHECK(queue.push(std::as_bytes(std::span(&command, 1))));
    }
    check_alive(own);
    const shm::Mapping mapping(memory, shm::Mapping::Access::ReadWrite);
    reinterpret_cast<shm::CommandQueueHeader*>(mapping.bytes().data())->head.store(~0ULL);
    check_alive(own);
    Source a = own.add(kRate, kTone, {1});
    a.start();
    CHECK(a.start_time().has_value());
  }

  TEST_CASE("DS-09 library: a sum beyond one fails the stream, and wakes who waits") {
    DipStream stream(null_device());
    const std::vector<float> loud(4800, 0.6F);
    Source a = stream.add(kRate, loud, {1});
    Source b = stream.add(kRate, loud, {1});
    a.start({.loop = true});
    const std::int64_t before_ns = monotonic_ns();
    const auto both = [&] {
      b.start({.loop = true});
      a.stop({.at = stream.now() + 60});
    };
    CHECK_THROWS_AS(both(), StreamError);
    CHECK(monotonic_ns() - before_ns < 10'000'000'000);
    CHECK(stream.failed().find("1.2") != std::string::npos);
  }

  TEST_CASE("sources pause, resume, change bus and place; everything else is a request") {
    DipStream stream(null_device());
    std::atomic<int> confirmed{0};
    stream.subscribe([&](const Event& event) {
      confirmed += event.kind == "started" && event.state == "confirmed" ? 1 : 0;
    });
    Source a = stream.add(kRate, kTone, {1, 2}, {.name = "a", .bus = "SFX"});
    a.start({.loop = true});
    CHECK(a.pause().sample >= 0);
    CHECK(a.resume().sample >= 0);
    CHECK(a.set_gain(-6).sample >= 0);
    CHECK(a.set_pan(0.5).sample >= 0);
    CHECK(a.set_pitch(2).sample >= 0);
    CHECK(a.set_bus("Voice").sample >= 0);
    const std::string status = stream.request(R"({"do": "voice", "voice": "a"})");
    CHECK(status.find("\"bus\":\"Voice\"") != std::string::npos);
    CHECK(stream.request(R"({"do": "emitter", "voice": "a", "position": [1, 2]})") != "");
    CHECK(stream.contains(a));
    CHECK_THROWS_AS(stream.remove(a), StreamError);
    a.stop();
    CHECK(confirmed.load() == 1);
    stream.remove(a);
    CHECK_FALSE(stream.contains(a));
  }

  TEST_CASE("a stream is fed through shared memory; what does not fit would block") {
    DipStream own(null_device());
    DipStream guest(attached(own));
    Source a = guest.open_stream({1, 2}, 0.05);
    const std::vector<float> chunk(2 * 1024, 0.1F);
    CHECK(a.feed(chunk).taken == 1024);
    CHECK_THROWS_AS((void)a.feed(std::vector<float>(3)), std::invalid_argument);
    CHECK_THROWS_AS((void)a.feed(std::vector<float>{NAN, 0}), std::invalid_argument);
    (void)a.start();
    std::size_t fed = 1024;
    bool blocked = false;
    while (fed < 9600) {
      const FeedResult result = a.feed(chunk);
      fed += result.taken;
      blocked = blocked || result.would_block;
    }
    CHECK(blocked);
    a.close();
    CHECK_THROWS_AS((void)a.feed(chunk), StreamError);
    while (a.is_playing()) {
      own.wait_until_time(own.now() + 0.01);
    }
    CHECK(*a.playback_duration() >= static_cast<double>(fed) / kRate);
  }

  TEST_CASE("handles outlive their stream, and say that it has ended") {
    std::atomic<int> finished{0};
    DipStreamOptions options = null_device();
    options.finished_callback = [&] {
      ++finished;
    };
    auto stream = std::make_unique<DipStream>(options);
    auto guest = std::make_unique<DipStream>(attached(*stream));
    Source a = stream->add(kRate, kTone, {1});
    Source b = guest->add(kRate, kTone, {1});
    stream.reset();
    CHECK(finished.load() == 1);
    CHECK_THROWS_AS(a.start(), StreamError);
    CHECK_THROWS_AS(b.start(), StreamError);
    CHECK_THROWS_AS((void)guest->now(), StreamError);
  }

  TEST_CASE("DS-17 library: stream time in two processes is the same to less than a period") {
    // Stream time of an instant that it chooses.
    Guest guest([](const std::string& path, int out) {
      DipStream stream({.attach = path});
      const std::int64_t instant_ns = monotonic_ns();
      const double record[2] = {static_cast<double>(instant_ns) * 1e-9, stream.time_of(instant_ns)};
      return ::write(out, record, sizeof record) == sizeof record ? 0 : 1;
    });
    DipStream own(null_device());
    guest.begin(own.socket());
    double record[2] = {};
    CHECK(guest.read(record, sizeof record));
    CHECK(guest.wait() == 0);
    const double here = own.time_of(static_cast<std::int64_t>(record[0] * 1e9));
    CHECK(std::abs(here - record[1]) <= 256.0 / kRate);
  }

  TEST_CASE("a guest that is killed leaves silence, not a hole in the stream") {
    Guest guest([](const std::string& path, int out) -> int {
      DipStream stream({.attach = path});
      Source a = stream.add(kRate, kTone, {1}, {.name = "theirs"});
      a.start({.loop = true});
      (void)!::write(out, "x", 1);
      for (;;) {
        ::pause();
      }
    });
    DipStream own(null_device());
    guest.begin(own.socket());
    char byte = 0;
    CHECK(guest.read(&byte, 1));
    CHECK(own.request(R"({"do": "voice", "voice": "theirs"})").find("\"playing\"") !=
          std::string::npos);
    guest.kill();
    (void)guest.wait();
    const std::int64_t deadline_ns = monotonic_ns() + avrig::test::kPatienceNs;
    bool there = true;
    while (there && monotonic_ns() < deadline_ns) {
      there = own.request(R"({"do": "list"})").find("theirs") != std::string::npos;
    }
    CHECK_FALSE(there);
    check_alive(own);
  }
}
