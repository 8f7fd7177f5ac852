// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "../support/patience.hpp"
#include <avrig/launch/child_process.hpp>
#include <avrig/monotonic.hpp>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <poll.h>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

extern "C" {
#include <sys/pidfd.h>
}

namespace avrig::test {

inline constexpr std::int64_t kLongNs = 2 * kPatienceNs;

/// What a finished command left.
struct Finished {
  int code = -1;
  std::string output;
};

/// A folder with pipeline files, in which `avrig` is called; its rigs are its own.
class Desk {
 public:
  Desk() {
    std::string pattern = (std::filesystem::temp_directory_path() / "avrig-desk-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
  }
  ~Desk() { std::filesystem::remove_all(folder_); }
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
    return path(name);
  }

  /// Start `avrig ...`.
  [[nodiscard]] launch::ChildProcess start(const std::vector<std::string>& words) const {
    launch::ChildOptions options;
    options.program = AVRIG;
    options.arguments = words;
    options.environment = {{"XDG_RUNTIME_DIR", folder_},
                           {"AVRIG_PROGRAM_DIR", FAKES},
                           {"JACK_DEFAULT_SERVER", "avrig-test-nobody"}};
    return launch::ChildProcess::spawn(options);
  }

  [[nodiscard]] static Finished finish(launch::ChildProcess& child) {
    Finished result;
    const std::int64_t deadline_ns = monotonic_ns() + kLongNs;
    std::array<char, 4096> bytes{};
    for (bool more = true; more && monotonic_ns() < deadline_ns;) {
      pollfd entry{child.output_fd(), POLLIN, 0};
      (void)::poll(&entry, 1, 1000);
      const ssize_t count = ::read(child.output_fd(), bytes.data(), bytes.size());
      result.output.append(bytes.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
      more = count > 0 || (count < 0 && errno == EAGAIN);
    }
    const auto status = child.wait(deadline_ns);
    REQUIRE(status);
    CHECK_FALSE(status->by_signal);
    result.code = status->value;
    return result;
  }

  [[nodiscard]] Finished call(const std::vector<std::string>& words) const {
    launch::ChildProcess child = start(words);
    return finish(child);
  }

  /// Stay until the rig of this desk has let `frames` out of each stage; its status.
  [[nodiscard]] nlohmann::json wait_for_frames(int frames) const {
    const std::int64_t deadline_ns = monotonic_ns() + kLongNs;
    while (monotonic_ns() < deadline_ns) {
      const Finished top = call({"top", "--once", "--json"});
      if (top.code == 0) {
        auto seen = nlohmann::json::parse(top.output);
        bool all = true;
        for (const auto& stage : seen.at("stages")) {
          all = all && stage.at("frames_out").get<int>() >= frames;
        }
        if (all) {
          return seen;
        }
      }
    }
    FAIL("no frames flow");
    return {};
  }

 private:
  std::string folder_;
};

/// Processes that one looks at from outside, by handles that no reuse of a pid can deceive.
class Watched {
 public:
  explicit Watched(const nlohmann::json& rig) {
    for (const auto& stage : rig.at("stages")) {
      fds_.emplace_back(::pidfd_open(stage.at("pid").get<pid_t>(), 0));
      CHECK(fds_.back());
    }
  }
  /// Are all gone by then?
  [[nodiscard]] bool gone_by(std::int64_t deadline_ns) const {
    for (const UniqueFd& fd : fds_) {
      pollfd entry{fd.get(), POLLIN, 0};
      const std::int64_t left_ms = (deadline_ns - monotonic_ns()) / 1'000'000;
      if (::poll(&entry, 1, static_cast<int>(std::max<std::int64_t>(left_ms, 0))) != 1) {
        return false;
      }
    }
    return true;
  }

 private:
  std::vector<UniqueFd> fds_;
};

/// A pipeline of three with these parameters; the sink writes `write`.
inline std::string three(const std::string& reader,
                         const std::string& processor = "",
                         const std::string& more = "",
                         const std::string& write = "media") {
  return "avrig: 1\npipeline: three\nrun_dir: runs\nstages:\n"
         "  - {id: source, read: media, with: {" +
         reader +
         "}}\n"
         "  - {id: work, process: fake, in: source, with: {" +
         processor + "}" + more +
         "}\n"
         "  - {id: sink, write: " +
         write + ", in: work, with: {file: out.txt}}\n";
}

}  // namespace avrig::test
