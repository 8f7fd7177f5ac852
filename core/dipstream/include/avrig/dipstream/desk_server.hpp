// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/dipstream/desk.hpp>

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace avrig::dipstream {

/// A TCP port on loopback from "PORT" or "127.0.0.1:PORT". Throws Error(Spec): anything else.
[[nodiscard]] std::uint16_t parse_tcp(const std::string& text);

/// The desk's socket: JSON lines from experiments of the same user, and a thread that serves them.
///
/// Behind a line with `"bytes": N` come N bytes of samples, for those who cannot send a memfd; over
/// TCP the first line must be a request, so that no browser is talked into sending some.
/// A line may have up to a million bytes; who sends more without an end, or does not read what he
/// is sent (4 MiB), is told so where possible and cut off. Nothing a client does stops the others.
///
/// Thread: control
class DeskServer {
 public:
  /// Sockets that a predecessor listened with: whoever connected meanwhile waits in them.
  struct Sockets {
    UniqueFd path;
    UniqueFd tcp;
  };
  /// Listen at `path` (0600), and on a TCP port of loopback where one is given (0 = any), with a
  /// predecessor's sockets where they listen there already. Throws Error(Open).
  DeskServer(Desk& desk,
             std::string path,
             std::optional<std::uint16_t> tcp = std::nullopt,
             Sockets before = {});
  /// Ends the thread, takes the socket away.
  ~DeskServer();
  DeskServer(const DeskServer&) = delete;
  DeskServer& operator=(const DeskServer&) = delete;

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// 0: none.
  [[nodiscard]] std::uint16_t tcp_port() const noexcept { return tcp_port_; }
  /// The sockets themselves, for a keeper; -1: there is none.
  [[nodiscard]] int listening() const noexcept { return listening_.get(); }
  [[nodiscard]] int listening_tcp() const noexcept { return tcp_.get(); }

  /// Use the desk from another thread.      Thread: any but the device's
  template <class Act>
  void with(Act&& act) {
    const std::lock_guard<std::mutex> lock(mutex_);
    act(*desk_);
  }

  /// The same, unless it is busy (it may be decoding a long file): then false, and nothing done.
  template <class Act>
  [[nodiscard]] bool try_with(Act&& act) {
    const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
    if (lock.owns_lock()) {
      act(*desk_);
    }
    return lock.owns_lock();
  }

 private:
  struct Waiting {
    std::string text;
    UniqueFd fd;
  };
  struct Connection {
    UniqueFd fd;
    Desk::ClientId client = 0;
    std::string pending;
    std::vector<UniqueFd> fds;
    std::deque<Waiting> out;
    std::size_t out_bytes = 0;
    std::string waiting_line;  // for the bytes that come behind it
    UniqueFd binary;           // where they go
    std::size_t binary_left = 0;
    bool tcp = false;
    bool heard = false;    // a request has come
    bool closing = false;  // what is said already is sent, then it ends
    bool gone = false;
  };

  void listen();
  void serve();
  void wait();
  void accept_all(int listening, bool tcp);
  void read_from(Connection& connection);
  void hear_lines(Connection& connection);
  void hear_line(Connection& connection, std::string line);
  void take_binary(Connection& connection, std::size_t& begin);
  void refuse(Connection& connection, const std::string& text);
  void put(Connection& connection, const std::string& line, int fd);
  static void flush(Connection& connection);
  void bury();

  Desk* desk_;
  std::string path_;
  UniqueFd listening_;
  std::uint16_t tcp_port_ = 0;
  UniqueFd tcp_;
  UniqueFd wake_;
  std::mutex mutex_;
  std::map<int, Connection> connections_;  // by descriptor; the thread's own
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

}  // namespace avrig::dipstream
