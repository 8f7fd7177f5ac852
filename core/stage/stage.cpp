// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/monotonic.hpp>
#include <avrig/stage/stage.hpp>
#include <avrig/stage/wire.hpp>

#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace avrig::stage {
namespace {

using nlohmann::json;

// A launcher that is gone gives its stages this long to drain, then to close their files.
constexpr std::int64_t kDrainNs = 1'000'000'000;
constexpr std::int64_t kCloseNs = 600'000'000;

Request request_from(const json& in) {
  Request request;
  in.at("id").get_to(request.id);
  in.at("role").get_to(request.role);
  in.at("target").get_to(request.target);
  in.at("component").get_to(request.component);
  request.parameters = in.at("parameters").dump();
  in.at("inputs").get_to(request.inputs);
  in.at("run_dir").get_to(request.run_dir);
  in.at("offline").get_to(request.offline);
  in.at("jack_server").get_to(request.jack_server);
  in.at("trigger").get_to(request.trigger);
  in.at("tolerance_ns").get_to(request.tolerance_ns);
  request.group = in.at("group").dump();
  return request;
}

Wish wish_from(const json& in) {
  Wish wish;
  in.at("pixel_formats").get_to(wish.pixel_formats);
  in.at("sample_rates_hz").get_to(wish.sample_rates_hz);
  in.at("channels").get_to(wish.channels);
  return wish;
}

/// The conversation with the launcher, from `describe` to `ended`.
class Conversation {
 public:
  Conversation(Socket socket, Stage& stage) : socket_(std::move(socket)), stage_(&stage) {}

  int hold() {
    try {
      if (!set_up()) {
        return 0;  // the launcher wanted a description only, or is gone
      }
      run();
      say({{"event", "ended"}});
      return 0;
    } catch (const Error& error) {
      return fail(static_cast<int>(error.code()), error.what());
    } catch (const std::exception& error) {
      return fail(static_cast<int>(ErrorCode::Internal), error.what());
    }
  }

 private:
  void run() {
    std::jthread orders([this] { listen(); });
    // Before `orders` is joined, also when run() throws: its receive() returns.
    struct Hush {
      Conversation* conversation;
      ~Hush() {
        conversation->finished_.store(true);
        ::shutdown(conversation->socket_.fd(), SHUT_RD);
      }
    } const hush{this};
    stage_->run(*io_);
    io_->page().state.store(static_cast<std::uint32_t>(shm::StageState::Ended));
  }

  int fail(int code, const std::string& text) {
    say({{"answer", "failed"}, {"code", code}, {"text", text}});
    return code;
  }

  void say(const json& message) {
    const std::lock_guard lock(sending_);
    (void)socket_.send(message.dump(-1, ' ', false, json::error_handler_t::replace));
  }

  bool set_up() {
    while (auto message = socket_.receive()) {
      const json order = json::parse(message->text);
      const std::string what = order.at("order");
      if (what == "parameters") {
        json published = json::array();
        for (const auto& parameter : stage_->parameters(request_from(order.at("request")))) {
          published.push_back(parameter);
        }
        say({{"answer", "parameters"}, {"parameters", published}});
      } else if (what == "describe") {
        json answer = stage_->describe(request_from(order.at("request")));
        answer["answer"] = "description";
        say(answer);
      } else if (what == "configure") {
        say(configure(order));
      } else if (what == "kept") {
        take_kept(order, *message);
      } else if (what == "attach") {
        attach(order, std::move(*message));
      } else if (what == "go") {
        io_->page().state.store(static_cast<std::uint32_t>(shm::StageState::Running));
        return true;
      } else if (what == "stop") {
        return false;
      }
    }
    return false;
  }

  json configure(const json& order) {
    std::vector<avrig_format> formats;
    for (const json& format : order.at("inputs")) {
      formats.push_back(format_from_json(format));
    }
    std::vector<Wish> wishes;
    for (const json& wish : order.at("wishes")) {
      wishes.push_back(wish_from(wish));
    }
    json answer = stage_->configure(formats, wishes);
    answer["answer"] = "configured";
    return answer;
  }

  // In the order of its names; what does not fit together is not believed.
  void take_kept(const json& order, Message& message) {
    const json& names = order.at("names");
    for (std::size_t index = 0; index < names.size() && index < message.fds.size(); ++index) {
      kept_[names[index].get<std::string>()] = std::move(message.fds[index]);
    }
  }

  void attach(const json& order, Message message) {
    Assignment assignment = order.at("assignment");
    std::vector<shm::Segment> segments;
    for (UniqueFd& fd : message.fds) {
      segments.push_back(shm::Segment::adopt(std::move(fd)));
    }
    const std::size_t before = assignment.sync_group >= 0 ? 2 : 1;
    if (segments.size() != before + assignment.rings.size()) {
      throw Error(ErrorCode::Internal,
                  "the launcher sent " + std::to_string(segments.size()) +
                      " segments, the plan names " +
                      std::to_string(before + assignment.rings.size()));
    }
    shm::Segment run_block = std::move(segments[0]);
    std::optional<shm::Segment> sync;
    if (before == 2) {
      sync = std::move(segments[1]);
    }
    segments.erase(segments.begin(), segments.begin() + static_cast<std::ptrdiff_t>(before));
    io_.emplace(std::move(assignment), std::move(segments), std::move(run_block), std::move(sync));
    io_->set_sink([this](const std::string& text) {
      const std::lock_guard lock(sending_);
      (void)socket_.send(text);
    });
    io_->set_keeper([this](const std::string& text, int fd) {
      const std::lock_guard lock(sending_);
      return socket_.send(text, fd >= 0 ? std::vector<int>{fd} : std::vector<int>{});
    });
    io_->set_kept(std::move(kept_));
    io_->set_parameter_handler([this](const std::string& name, const std::string& value) {
      stage_->set_parameter(name, value);
    });
    io_->page().pid.store(static_cast<std::uint32_t>(::getpid()));
    io_->page().state.store(static_cast<std::uint32_t>(shm::StageState::Attached));
    stage_->prepare(*io_);
    io_->page().state.store(static_cast<std::uint32_t>(shm::StageState::Ready));
    say({{"answer", "ready"}});
  }

  // Thread: its own, from `go` on.
  void listen() {
    while (auto message = socket_.receive()) {
      try {
        obey(json::parse(message->text));
      } catch (const std::exception& error) {
        io_->log(Level::Warning, std::string("an order was not understood: ") + error.what());
      }
    }
    if (!finished_.load()) {
      end_without_launcher();
    }
  }

  void obey(const json& order) {
    const std::string what = order.at("order");
    if (what == "stop") {
      io_->order_stop(order.value("abandon", false));
    } else if (what == "set") {
      io_->order_parameter(order.at("name"), order.at("value"));
    } else if (what == "taps") {
      io_->order_taps();
    } else if (what == "mark") {
      io_->order_mark({order.at("time_ns"), order.at("text")});
    }
  }

  // The lifeline is cut: drain, close files, and be gone in any case.
  void end_without_launcher() {
    const std::int64_t began_ns = monotonic_ns();
    io_->order_stop(false);
    wait_finished(began_ns + kDrainNs);
    io_->order_stop(true);
    wait_finished(began_ns + kDrainNs + kCloseNs);
    if (!finished_.load()) {
      ::_exit(static_cast<int>(ErrorCode::Interrupted));
    }
  }

  void wait_finished(std::int64_t deadline_ns) {
    while (!finished_.load() && monotonic_ns() < deadline_ns) {
      const timespec pause{0, 5'000'000};
      ::nanosleep(&pause, nullptr);
    }
  }

  Socket socket_;
  Stage* stage_;
  std::optional<StageIo> io_;
  std::map<std::string, UniqueFd> kept_;
  std::mutex sending_;
  std::atomic<bool> finished_{false};
};

}  // namespace

void Stage::set_parameter(const std::string& name, const std::string&) {
  throw Error(ErrorCode::Spec, "'" + name + "' cannot be changed while running");
}

int run_stage(int argc, char** argv, Stage& stage) noexcept {
  try {
    if (argc > 1 || ::fcntl(Socket::kStageFd, F_GETFD) < 0) {
      std::fprintf(
          stderr, "%s: a stage of an avrig pipeline; 'avrig run SPEC' starts it\n", argv[0]);
      return static_cast<int>(ErrorCode::Internal);
    }
    (void)::fcntl(Socket::kStageFd, F_SETFD, FD_CLOEXEC);
    // The terminal's Ctrl-C is the launcher's business; it tells us over the socket.
    (void)std::signal(SIGINT, SIG_IGN);
    (void)std::signal(SIGPIPE, SIG_IGN);
    // The default 50 us of timer slack would land on every timed wait.
    (void)::prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
    // Never destroyed: a stage may let go of frames of its rings (a decoder's reference pictures)
    // as late as in its own destructor, which runs after us.
    static Conversation* const conversation =
        new Conversation(Socket(UniqueFd(Socket::kStageFd)), stage);
    return conversation->hold();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return static_cast<int>(ErrorCode::Internal);
  }
}

}  // namespace avrig::stage
