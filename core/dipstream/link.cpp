// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "link.hpp"

#include <avrig/dipstream/dipstream.hpp>
#include <avrig/mixer/commands.hpp>
#include <avrig/socket_message.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace avrig::dipstream {
namespace {

using nlohmann::json;

constexpr double kAnswerSeconds = 30;  // a long file may be decoded meanwhile
constexpr auto kComeBack = std::chrono::seconds(20);
constexpr auto kTryAgain = std::chrono::milliseconds(20);

/// Who listens there; nobody, and errno says why.
UniqueFd try_connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    throw StreamError("the path of the mixer's socket is too long: " + path);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd && ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    const int why = errno;
    fd.reset();
    errno = why;
  }
  return fd;
}

UniqueFd connected(const std::string& path) {
  UniqueFd fd = try_connect(path);
  if (!fd) {
    throw StreamError("no mixer listens at '" + path + "': " + std::strerror(errno));
  }
  return fd;
}

std::string line_of(const json& request) {
  return request.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

/// Bytes that went out, a descriptor along with the first; -1 where nobody is there any more.
ssize_t send_with(int to, std::string_view text, int fd) noexcept {
  const OutgoingMessage<1> message(text, {&fd, fd >= 0 ? std::size_t{1} : std::size_t{0}});
  return ::sendmsg(to, &message.header(), MSG_NOSIGNAL);
}

}  // namespace

Link::Link(const std::string& path, OnEvent on_event, OnEvent after, std::function<void()> on_close)
    : path_(path),
      fd_(connected(path)),
      on_event_(std::move(on_event)),
      after_(std::move(after)),
      on_close_(std::move(on_close)),
      reader_([this] { read_all(); }) {}

Link::~Link() {
  shut();
  reader_.join();
}

void Link::shut() noexcept {
  ending_.store(true);
  const std::lock_guard<std::mutex> lock(turning_);
  (void)::shutdown(fd_.get(), SHUT_RDWR);
}

void Link::begin_session() {
  const Reply reply = take(post({{"do", "session"}}), kAnswerSeconds);
  if (reply.what.value("survives", false)) {
    const std::lock_guard<std::mutex> lock(sending_);
    session_ = reply.what.at("session").get<std::string>();
  }
}

/// False: nobody is there any more.
bool Link::send_all(const std::string& text, int fd) {
  std::size_t sent = 0;
  while (sent < text.size()) {
    const ssize_t count =
        send_with(fd_.get(), std::string_view(text).substr(sent), sent == 0 ? fd : -1);
    if (count < 0 && errno != EINTR) {
      return false;
    }
    sent += count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  return true;
}

void Link::send(json request, std::uint64_t number, int fd) {
  request["id"] = number;
  const std::lock_guard<std::mutex> lock(sending_);
  const std::string line = line_of(request);
  const bool comes_back = !session_.empty() && !closed_.load();
  if (comes_back) {
    open_[number] = {std::move(request), fd >= 0 ? UniqueFd(::dup(fd)) : UniqueFd()};
  }
  if (!send_all(line, fd) && !comes_back) {
    throw StreamError("the mixer has gone");
  }
}

std::uint64_t Link::post(json request, int fd) {
  std::uint64_t number = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    number = next_++;
    awaited_.insert(number);
  }
  send(std::move(request), number, fd);
  return number;
}

// It has a number too, so that it is said once, whatever happens to the connection.
void Link::tell(json request) {
  std::uint64_t number = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    number = next_++;
  }
  send(std::move(request), number, -1);
}

Link::Reply Link::take(std::uint64_t number, std::optional<double> timeout_s) {
  std::unique_lock<std::mutex> lock(mutex_);
  const auto there = [&] {
    return replies_.count(number) != 0 || closed_.load();
  };
  bool done = true;
  if (timeout_s) {
    done = changed_.wait_for(lock, std::chrono::duration<double>(*timeout_s), there);
  } else {
    changed_.wait(lock, there);
  }
  awaited_.erase(number);
  const auto found = replies_.find(number);
  if (found != replies_.end()) {
    Reply reply = std::move(found->second);
    replies_.erase(found);
    return reply;
  }
  if (done) {
    throw StreamError("the mixer has gone");
  }
  throw TimedOut("the mixer did not answer in time");
}

json Link::ask(json request, int fd) {
  Reply reply = take(post(std::move(request), fd), kAnswerSeconds);
  if (!reply.what.value("ok", false)) {
    throw StreamError(reply.what.value("error", "the mixer refused"));
  }
  return std::move(reply.what);
}

void Link::open_queue() {
  const Reply reply = take(post({{"do", "queue"}}), kAnswerSeconds);
  if (!reply.what.value("ok", false) || !reply.fd) {
    throw StreamError(reply.what.value("error", "the mixer gave no command queue"));
  }
  queue_.emplace(shm::Segment::adopt(UniqueFd(::dup(reply.fd.get()))), sizeof(mixer::Command));
}

json Link::command(mixer::Command command, std::optional<double> timeout_s) {
  {
    const std::lock_guard<std::mutex> pushing(pushing_);
    if (!queue_) {
      open_queue();
    }
    command.request = next_command_++;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      awaited_commands_.insert(command.request);
    }
    if (!queue_->push(std::as_bytes(std::span(&command, 1)))) {
      throw StreamError("the command queue is full: does the device still run?");
    }
  }
  std::unique_lock<std::mutex> lock(mutex_);
  const auto there = [&] {
    return answers_.count(command.request) != 0 || closed_.load();
  };
  bool done = true;
  if (timeout_s) {
    done = changed_.wait_for(lock, std::chrono::duration<double>(*timeout_s), there);
  } else {
    changed_.wait(lock, there);
  }
  awaited_commands_.erase(command.request);
  const auto found = answers_.find(command.request);
  if (found != answers_.end()) {
    json answer = std::move(found->second);
    answers_.erase(found);
    return answer;
  }
  if (done) {
    throw StreamError("the mixer has gone");
  }
  lock.unlock();
  // Taken up later, it must not happen any more.
  mixer::Command undo = mixer::cancel(command.voice, command.request);
  const std::lock_guard<std::mutex> pushing(pushing_);
  undo.request = next_command_++;
  (void)queue_->push(std::as_bytes(std::span(&undo, 1)));
  throw TimedOut("the stream did not take it up in time");
}

bool Link::wait(const std::function<bool()>& condition) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [&] { return closed_.load() || condition(); });
  return !closed_.load();
}

void Link::read_all() {
  do {
    read_connection();
  } while (come_back());
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    closed_.store(true);
  }
  changed_.notify_all();
  on_close_();
}

void Link::read_connection() {
  std::string pending;
  std::vector<char> bytes(65536);
  fds_.clear();
  for (;;) {
    iovec part{bytes.data(), bytes.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 8)> room;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = room.data();
    message.msg_controllen = room.size();
    const ssize_t count = ::recvmsg(fd_.get(), &message, MSG_CMSG_CLOEXEC);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      return;
    }
    take_fds(message, fds_);
    pending.append(bytes.data(), static_cast<std::size_t>(count));
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = pending.find('\n', begin)) != std::string::npos;
         begin = end + 1) {
      take_line(pending.substr(begin, end - begin));
    }
    pending.erase(0, begin);
  }
}

// To the writer's successor: the same place on the timeline, the same handles. A path that is gone
// means that the mixer ended in good order.
bool Link::come_back() {
  {
    const std::lock_guard<std::mutex> lock(sending_);
    if (session_.empty()) {
      return false;
    }
  }
  const auto until = std::chrono::steady_clock::now() + kComeBack;
  while (!ending_.load() && std::chrono::steady_clock::now() < until) {
    UniqueFd fresh = try_connect(path_);
    if (!fresh && errno == ENOENT) {
      return false;
    }
    if (fresh) {
      const std::lock_guard<std::mutex> lock(sending_);
      {
        const std::lock_guard<std::mutex> turning(turning_);
        fd_ = std::move(fresh);
      }
      say_all_again();
      return !ending_.load();
    }
    std::this_thread::sleep_for(kTryAgain);
  }
  return false;
}

// Where sending fails the connection has ended again, which its reader finds next.
void Link::say_all_again() {
  const json resume = {{"do", "resume_session"}, {"session", session_}, {"seen", seen_}, {"id", 0}};
  bool there = send_all(line_of(resume), -1);
  for (auto& [number, open] : open_) {
    json request = open.request;
    request["again"] = true;
    there = there && send_all(line_of(request), open.fd ? open.fd.get() : -1);
  }
}

// False: an event that came before its connection ended, or the end of the session itself.
bool Link::is_news(const json& message) {
  if (message.contains("event")) {
    const std::uint64_t number = message.value("seq", seen_ + 1);
    const bool fresh = number > seen_;
    seen_ = std::max(seen_, number);
    return fresh;
  }
  const auto id = message.find("id");
  if (id == message.end() || !id->is_number_unsigned()) {
    return true;
  }
  const auto number = id->get<std::uint64_t>();
  const std::lock_guard<std::mutex> lock(sending_);
  if (number == 0 && !message.value("ok", false)) {
    session_.clear();  // another mixer's: what we had is gone
    const std::lock_guard<std::mutex> turning(turning_);
    (void)::shutdown(fd_.get(), SHUT_RDWR);
  }
  open_.erase(number);
  return number != 0;
}

void Link::take_line(const std::string& line) {
  json message = json::parse(line, nullptr, false);
  if (!message.is_object() || !is_news(message)) {
    return;
  }
  const bool event = message.contains("event");
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (event) {
      const std::string kind = message.value("event", "");
      const std::uint64_t request =
          message.contains("queue") ? message.value("request", std::uint64_t{0}) : 0;
      if (kind == "accepted" || kind == "refused") {
        if (awaited_commands_.count(request) != 0) {
          answers_[request] = std::move(message);
        }
      } else {
        on_event_(message);
      }
    } else if (message.contains("id") && message["id"].is_number_unsigned()) {
      const auto number = message["id"].get<std::uint64_t>();
      Reply reply{std::move(message), UniqueFd()};
      // It came no later than the first byte of its line.
      if (reply.what.contains("fd") && !fds_.empty()) {
        reply.fd = std::move(fds_.front());
        fds_.erase(fds_.begin());
      }
      if (awaited_.count(number) != 0) {
        replies_[number] = std::move(reply);
      }
    }
  }
  changed_.notify_all();
  if (event && !message.is_null()) {
    after_(message);
  }
}

}  // namespace avrig::dipstream
