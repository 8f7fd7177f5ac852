// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
//
// A reaction time: a beep at an unforeseeable moment, and a key press, on one clock.
//
//     reaction_time                         JACK's default server, the return key of the terminal
//     reaction_time --key /dev/input/event3 a keyboard by the kernel's own time stamps
//     reaction_time --device null --simulate 180
//                                           no device, and a subject who takes 180 ms each time
//     reaction_time --attach PATH           over the sound of a rig that runs (avrig ps)
//
// The beep's time is that of its first sample at the output; the key's is when the kernel saw it,
// or when the terminal handed it over. Both are stream time, so that their difference is what it
// says, whatever this program was doing meanwhile.

#include <avrig/dipstream/dipstream.hpp>

#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <linux/input.h>
#include <memory>
#include <random>
#include <string>
#include <sys/ioctl.h>
#include <unistd.h>

namespace {

using avrig::dipstream::DipStream;
using avrig::dipstream::DipStreamOptions;
using avrig::dipstream::Source;

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr int kTrials = 5;

std::int64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kSecondNs + now.tv_nsec;
}

/// Where presses come from: the CLOCK_MONOTONIC time of the next one.
class Key {
 public:
  virtual ~Key() = default;
  virtual std::int64_t wait(DipStream& stream, const Source& beep) = 0;
};

class Terminal final : public Key {
 public:
  std::int64_t wait(DipStream&, const Source&) override {
    const int byte = std::getchar();
    const std::int64_t pressed_ns = monotonic_ns();
    if (byte == EOF) {
      throw std::runtime_error("there is nobody to press a key");
    }
    return pressed_ns;
  }
};

class Keyboard final : public Key {
 public:
  explicit Keyboard(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    int clock = CLOCK_MONOTONIC;
    if (fd_ < 0 || ::ioctl(fd_, EVIOCSCLOCKID, &clock) != 0) {
      throw std::runtime_error(path + ": " + std::strerror(errno));
    }
  }
  ~Keyboard() override { ::close(fd_); }
  std::int64_t wait(DipStream&, const Source&) override {
    input_event event{};
    while (::read(fd_, &event, sizeof event) == static_cast<ssize_t>(sizeof event)) {
      if (event.type == EV_KEY && event.value == 1) {
        return event.input_event_sec * kSecondNs + event.input_event_usec * 1000;
      }
    }
    throw std::runtime_error("the keyboard has gone");
  }

 private:
  int fd_;
};

/// The device-free twin: presses so long after the beep is heard.
class Subject final : public Key {
 public:
  explicit Subject(double seconds) : seconds_(seconds) {}
  std::int64_t wait(DipStream& stream, const Source& beep) override {
    const double due = beep.start_time().value() + seconds_;
    stream.wait_until_time(due);
    const std::int64_t now_ns = monotonic_ns();
    return now_ns - std::llround((stream.time_of(now_ns) - due) * 1e9);
  }

 private:
  double seconds_;
};

struct Options {
  DipStreamOptions stream;
  std::unique_ptr<Key> key = std::make_unique<Terminal>();
  double shortest = 1.0;  // seconds before the beep
  double longest = 3.0;
  double simulated = -1;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int at = 1; at < argc; at += 2) {
    const std::string name = argv[at];
    const std::string value = at + 1 < argc ? argv[at + 1] : "";
    if (name == "--device") {
      options.stream.device = value;
    } else if (name == "--attach") {
      options.stream.attach = value;
    } else if (name == "--key") {
      options.key = std::make_unique<Keyboard>(value);
    } else if (name == "--simulate") {
      options.simulated = std::atof(value.c_str()) / 1000;
      options.key = std::make_unique<Subject>(options.simulated);
      options.shortest = 0.05;
      options.longest = 0.15;
    } else {
      throw std::runtime_error("unknown option " + name);
    }
  }
  return options;
}

int run(const Options& options) {
  DipStream stream(options.stream);
  std::vector<float> tone(stream.samplerate() / 5);
  for (std::size_t at = 0; at < tone.size(); ++at) {
    const double turns = 1000.0 * static_cast<double>(at) / stream.samplerate();
    tone[at] = static_cast<float>(0.5 * std::sin(2 * std::acos(-1.0) * turns));
  }
  Source beep = stream.add(stream.samplerate(), tone, {1, 2});
  std::mt19937 random(std::random_device{}());
  std::uniform_real_distribution<double> delay(options.shortest, options.longest);
  int wrong = 0;
  for (int trial = 1; trial <= kTrials; ++trial) {
    std::printf("trial %d: press when you hear the beep\n", trial);
    std::fflush(stdout);
    beep.start({.at = stream.now() + delay(random)});
    const double pressed = stream.time_of(options.key->wait(stream, beep));
    const double took = DipStream::elapsed_between(beep.start_time().value(), pressed);
    std::printf("  %.2f ms\n", 1000 * took);
    wrong += options.simulated >= 0 && std::abs(took - options.simulated) > 0.001 ? 1 : 0;
  }
  return wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(parse(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "reaction_time: %s\n", error.what());
    return 2;
  }
}
