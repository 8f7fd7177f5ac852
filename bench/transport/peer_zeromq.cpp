// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
//
// ZeroMQ PUSH/PULL over ipc: a socket, so frames are copied in and out of the kernel.
#include "harness.hpp"

#include <stdexcept>
#include <zmq.h>

using namespace avrig::bench;

namespace {

std::string address(pid_t run) {
  return "ipc:///tmp/avrig-bench-" + std::to_string(run) + ".zmq";
}

class Socket {
 public:
  Socket(int type, int water_mark)
      : context_(::zmq_ctx_new()), socket_(::zmq_socket(context_, type)) {
    ::zmq_setsockopt(socket_, ZMQ_SNDHWM, &water_mark, sizeof water_mark);
    ::zmq_setsockopt(socket_, ZMQ_RCVHWM, &water_mark, sizeof water_mark);
  }
  ~Socket() {
    ::zmq_close(socket_);
    ::zmq_ctx_term(context_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  [[nodiscard]] void* get() const { return socket_; }
  [[nodiscard]] static std::uint64_t sleeps() noexcept { return 0; }

 private:
  void* context_;
  void* socket_;
};

int water_mark(const Options& options) {
  return options.size > 65536 ? static_cast<int>(options.queue) : 1000;
}

class Pusher : public Socket {
 public:
  Pusher(pid_t run, const Options& options)
      : Socket(ZMQ_PUSH, water_mark(options)), size_(options.size), path_(address(run).substr(6)) {
    if (::zmq_bind(get(), address(run).c_str()) != 0) {
      throw std::runtime_error("ZeroMQ: cannot bind");
    }
  }
  std::byte* begin() {
    ::zmq_msg_init_size(&message_, size_);
    return static_cast<std::byte*>(::zmq_msg_data(&message_));
  }
  void publish() { ::zmq_msg_send(&message_, get(), 0); }
  void close() {}

 private:
  std::size_t size_;
  std::string path_;
  zmq_msg_t message_;
};

class Puller : public Socket {
 public:
  Puller(pid_t run, const Options& options) : Socket(ZMQ_PULL, water_mark(options)) {
    ::zmq_connect(get(), address(run).c_str());
  }
  const std::byte* wait() {
    ::zmq_msg_init(&message_);
    while (::zmq_msg_recv(&message_, get(), 0) < 0) {
    }
    return static_cast<const std::byte*>(::zmq_msg_data(&message_));
  }
  void release() { ::zmq_msg_close(&message_); }

 private:
  zmq_msg_t message_;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  const pid_t run = ::getpid();
  const int result = run_pair(
      options,
      *make_board(),
      1,
      [&] { return std::make_unique<Pusher>(run, options); },
      [&] { return std::make_unique<Puller>(run, options); });
  ::unlink(address(run).substr(6).c_str());
  return result;
}
