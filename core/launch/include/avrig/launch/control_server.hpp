// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/launch/event_loop.hpp>
#include <avrig/unique_fd.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace avrig::launch {

/// The folder of the running rigs' sockets: avrig::control_folder().
[[nodiscard]] std::string control_folder();

/// A run's control socket: JSON lines from tools of the same user.
///
/// {"do": "list" | "status" | "set" | "mark" | "stop" | "memory" | ...} -> one line, {"ok": true,
/// ...} or {"ok": false, "error": text}.
///
/// Thread: control
class ControlServer {
 public:
  /// Answers one request, now or later; with descriptors where the answer names them. An answer to
  /// somebody who has left is dropped.
  using Reply = std::function<void(const nlohmann::json&, const std::vector<int>& fds)>;
  using Handler = std::function<void(const nlohmann::json& request, const Reply& reply)>;

  /// Listen at `<folder>/<name>.sock` (0600). Throws Error(Open).
  ControlServer(EventLoop& loop, const std::string& name, Handler handler);
  /// Takes the socket away.
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  struct Client {
    UniqueFd fd;
    EventLoop::Watch watch = 0;
    std::string pending;
  };
  void accept_one();
  void read_from(std::uint64_t id);
  void answer(std::uint64_t id, const std::string& line);
  void drop(std::uint64_t id);

  EventLoop* loop_;
  Handler handler_;
  std::string path_;
  UniqueFd listening_;
  EventLoop::Watch watch_ = 0;
  std::map<std::uint64_t, Client> clients_;
  std::uint64_t next_ = 1;
};

}  // namespace avrig::launch
