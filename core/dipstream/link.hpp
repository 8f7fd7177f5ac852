// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/mixer/command.hpp>
#include <avrig/shm/command_queue.hpp>
#include <avrig/unique_fd.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

namespace avrig::dipstream {

/// A client's end of a mixer: requests and events as JSON lines over its socket, commands through
/// a queue in shared memory.
///
/// A mixer that outlives its writer's death (a rig's) has sessions: then the link comes back by
/// itself, asks again for what was not answered, and gives each event once. The queue is the same
/// memory before and after.
///
/// Thread: any
class Link {
 public:
  using OnEvent = std::function<void(const nlohmann::json&)>;
  struct Reply {
    nlohmann::json what;
    UniqueFd fd;
  };

  /// `on_event` is called by the link's thread with mutex() held, `after` without it; `on_close`
  /// once, at the end. Throws StreamError when nobody listens there.
  Link(const std::string& path, OnEvent on_event, OnEvent after, std::function<void()> on_close);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Where the mixer has sessions that survive, have one. Before the first other request.
  void begin_session();

  /// Send a request, with a descriptor where `fd` >= 0; its number.
  std::uint64_t post(nlohmann::json request, int fd = -1);
  /// The reply to one, good or not. Throws TimedOut, StreamError.
  [[nodiscard]] Reply take(std::uint64_t number, std::optional<double> timeout_s);
  /// Both, and throws StreamError where the mixer refuses.
  nlohmann::json ask(nlohmann::json request, int fd = -1);
  /// Nobody waits for this one's reply.
  void tell(nlohmann::json request);

  /// One command through the queue; the engine's answer. Throws as take(); a command that nobody
  /// took up in time is cancelled.
  [[nodiscard]] nlohmann::json command(mixer::Command command, std::optional<double> timeout_s);

  /// Until `condition` holds, which is looked at after every event; false: the link has closed.
  bool wait(const std::function<bool()>& condition);
  [[nodiscard]] std::mutex& mutex() noexcept { return mutex_; }
  [[nodiscard]] bool closed() const noexcept { return closed_.load(); }
  /// End it; who waits is woken.
  void shut() noexcept;

 private:
  struct Open {  ///< asked and not answered
    nlohmann::json request;
    UniqueFd fd;
  };

  void send(nlohmann::json request, std::uint64_t number, int fd);
  [[nodiscard]] bool send_all(const std::string& text, int fd);
  void read_all();
  void read_connection();
  [[nodiscard]] bool come_back();
  void say_all_again();
  void take_line(const std::string& line);
  [[nodiscard]] bool is_news(const nlohmann::json& message);
  void open_queue();

  const std::string path_;
  std::mutex sending_;
  std::string session_;                 // with sending_; "": none
  std::map<std::uint64_t, Open> open_;  // with sending_, while there is a session
  std::uint64_t seen_ = 0;              // the reader's own, once there is a session
  std::atomic<bool> ending_{false};
  std::mutex turning_;  // of fd_, where the reader changes it or shut() shuts it
  UniqueFd fd_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t next_ = 1;
  std::set<std::uint64_t> awaited_;
  std::map<std::uint64_t, Reply> replies_;
  std::set<std::uint64_t> awaited_commands_;
  std::map<std::uint64_t, nlohmann::json> answers_;
  std::vector<UniqueFd> fds_;  // that came along; the reader's own
  std::mutex pushing_;
  std::optional<shm::CommandQueue> queue_;
  std::uint64_t next_command_ = 1;
  std::atomic<bool> closed_{false};
  OnEvent on_event_;
  OnEvent after_;
  std::function<void()> on_close_;
  std::thread reader_;
};

}  // namespace avrig::dipstream
