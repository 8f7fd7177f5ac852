// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include "../../support/patience.hpp"
#include "jack_rig.hpp"
#include <avrig/launch/child_process.hpp>
#include <avrig/unique_fd.hpp>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

// A rig with `write: jack`, whose writer is killed, and an experiment that comes back to it.

namespace avrig::jack_writer::test {

using namespace avrig::jack::test;
using nlohmann::json;

inline constexpr std::int64_t kClipSamples = 48000 * 60;
/// The pipeline's own sound; longer than the test.
inline float clip_at(std::int64_t sample) {
  return static_cast<float>(sample % 20000 + 1) / 32768.0F;
}

inline void put(std::ofstream& file, std::uint32_t value, int bytes) {
  for (int byte = 0; byte < bytes; ++byte) {
    file.put(static_cast<char>(value >> (8 * byte) & 0xff));
  }
}

inline void write_clip(const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  const auto bytes = static_cast<std::uint32_t>(kClipSamples * 2);
  file << "RIFF";
  put(file, 36 + bytes, 4);
  file << "WAVEfmt ";
  for (const auto& [value, size] :
       {std::pair{16U, 4}, {1U, 2}, {1U, 2}, {48000U, 4}, {96000U, 4}, {2U, 2}, {16U, 2}}) {
    put(file, value, size);
  }
  file << "data";
  put(file, bytes, 4);
  for (std::int64_t sample = 0; sample < kClipSamples; ++sample) {
    put(file, static_cast<std::uint32_t>(sample % 20000 + 1), 2);
  }
}

inline std::string base64(const std::vector<float>& samples) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const auto* bytes = reinterpret_cast<const unsigned char*>(samples.data());
  const std::size_t size = samples.size() * sizeof(float);
  std::string text;
  for (std::size_t at = 0; at < size; at += 3) {
    const unsigned b1 = at + 1 < size ? bytes[at + 1] : 0U;
    const unsigned b2 = at + 2 < size ? bytes[at + 2] : 0U;
    const unsigned bits = static_cast<unsigned>(bytes[at]) << 16 | b1 << 8 | b2;
    text += kDigits[bits >> 18 & 63];
    text += kDigits[bits >> 12 & 63];
    text += at + 1 < size ? kDigits[bits >> 6 & 63] : '=';
    text += at + 2 < size ? kDigits[bits & 63] : '=';
  }
  return text;
}

/// A rig in a folder of its own, on a server of its own.
class Rig {
 public:
  explicit Rig(const std::string& server) {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "avrig-survive-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    write_clip(folder_ + "/clip.wav");
    std::ofstream(folder_ + "/rig.yaml")
        << "avrig: 1\npipeline: rig\nrun_dir: runs\njack: {server: " << server
        << ", start: never}\nstages:\n"
           "  - {id: clip, read: media, with: {url: clip.wav}}\n"
           "  - {id: speakers, write: jack, in: clip/audio,"
           " with: {outputs: 2, connect: none}}\n";
    launch::ChildOptions options;
    options.program = AVRIG;
    options.arguments = {"run", folder_ + "/rig.yaml"};
    options.environment = {{"XDG_RUNTIME_DIR", folder_}};
    options.capture_output = false;
    child_.emplace(launch::ChildProcess::spawn(options));
  }
  ~Rig() {
    child_->signal(SIGINT);
    CHECK(child_->wait(monotonic_ns() + 20'000'000'000));
    child_.reset();
    std::filesystem::remove_all(folder_);
  }
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  /// The mixer's socket, once it is there.
  [[nodiscard]] std::string socket() const {
    std::string found;
    CHECK(eventually([&] {
      std::error_code none;
      for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/avrig", none)) {
        found = entry.path().extension() == ".mix" ? entry.path().string() : found;
      }
      return !found.empty();
    }));
    return found;
  }
  /// The writer's process, from what the rig says of itself.
  [[nodiscard]] pid_t writer() const {
    launch::ChildOptions options;
    options.program = AVRIG;
    options.arguments = {"top", "--once", "--json"};
    options.environment = {{"XDG_RUNTIME_DIR", folder_}};
    launch::ChildProcess child = launch::ChildProcess::spawn(options);
    std::string text;
    char bytes[4096];
    for (;;) {
      pollfd entry{child.output_fd(), POLLIN, 0};
      (void)::poll(&entry, 1, 5000);
      const ssize_t count = ::read(child.output_fd(), bytes, sizeof bytes);
      if (count <= 0) {
        break;
      }
      text.append(bytes, static_cast<std::size_t>(count));
    }
    (void)child.wait(monotonic_ns() + avrig::test::kPatienceNs);
    return json::parse(text).at("stages").at(1).at("pid");  // in the order of the file
  }
  void kill_writer() const {
    const pid_t pid = writer();
    REQUIRE(pid > 0);
    REQUIRE(::kill(pid, SIGKILL) == 0);
  }

 private:
  std::string folder_;
  std::optional<launch::ChildProcess> child_;
};

/// An experiment: speaks, listens, and comes back where its connection ends.
class Experiment {
 public:
  explicit Experiment(std::string path) : path_(std::move(path)) {
    REQUIRE(eventually([&] { return connect(); }));
    session_ = ask({{"do", "session"}}).at("session");
    (void)ask({{"do", "subscribe"}, {"events", "all"}});
  }

  json ask(json request) {
    request["id"] = ++id_;
    for (bool again = false;; again = true) {
      if (again) {
        request["again"] = true;
        come_back();
      }
      if (say(request)) {
        json reply = reply_to(id_);
        if (!reply.is_null()) {
          CHECK_MESSAGE(reply.value("ok", false), reply.dump());
          return reply;
        }
      }
    }
  }
  /// Hear what there is until the condition holds.
  template <class Condition>
  [[nodiscard]] bool hear_until(const Condition& condition) {
    return eventually([&] {
      (void)ask({{"do", "now"}});
      return condition();
    });
  }
  std::vector<json> events;

 private:
  bool connect() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    fd_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    pending_.clear();
    return ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  void come_back() {
    REQUIRE(eventually([&] { return connect(); }));
    json request = {{"do", "resume_session"}, {"session", session_}, {"seen", seen_}, {"id", 0}};
    REQUIRE(say(request));
    const json reply = reply_to(0);
    REQUIRE(!reply.is_null());
    CHECK(reply.at("ok") == true);
    CHECK(reply.at("lost") == 0);
  }
  bool say(const json& request) {
    const std::string line = request.dump() + "\n";
    for (std::size_t done = 0; done < line.size();) {
      const ssize_t sent = ::send(fd_.get(), line.data() + done, line.size() - done, MSG_NOSIGNAL);
      if (sent <= 0) {
        return false;
      }
      done += static_cast<std::size_t>(sent);
    }
    return true;
  }
  json reply_to(int id) {
    for (;;) {
      const std::size_t end = pending_.find('\n');
      if (end == std::string::npos) {
        char bytes[65536];
        pollfd entry{fd_.get(), POLLIN, 0};
        REQUIRE(::poll(&entry, 1, 30000) == 1);
        const ssize_t count = ::recv(fd_.get(), bytes, sizeof bytes, 0);
        if (count <= 0) {
          return {};
        }
        pending_.append(bytes, static_cast<std::size_t>(count));
        continue;
      }
      json message = json::parse(pending_.substr(0, end));
      pending_.erase(0, end + 1);
      if (message.contains("event")) {
        CHECK(message.at("seq") == seen_ + 1);
        seen_ = message.at("seq");
        events.push_back(std::move(message));
      } else if (message.at("id") == id) {
        return message;
      }
    }
  }

  std::string path_;
  UniqueFd fd_;
  std::string pending_;
  std::string session_;
  std::uint64_t seen_ = 0;
  int id_ = 0;
};

}  // namespace avrig::jack_writer::test
