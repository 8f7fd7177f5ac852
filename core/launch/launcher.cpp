// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/launch/jack_keeper.hpp>
#include <avrig/launch/launcher.hpp>
#include <avrig/launch/programs.hpp>
#include <avrig/launch/run_folder.hpp>
#include <avrig/launch/supervisor.hpp>
#include <avrig/monotonic.hpp>
#include <avrig/spec/yaml.hpp>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace avrig::launch {
namespace {

using nlohmann::json;

constexpr std::int64_t kJackTimeoutNs = 10'000'000'000;

std::string join(const SetupProblems& problems) {
  std::string text;
  for (const spec::Problem& problem : problems.problems) {
    text += (text.empty() ? "" : "\n") +
            (problem.position.file.empty() ? "" : spec::to_string(problem.position) + ": ") +
            problem.text + (problem.suggestion.empty() ? "" : " (" + problem.suggestion + ")");
  }
  return text;
}

/// Ctrl-C and SIGTERM as a descriptor, for as long as it lives.
class Interrupts {
 public:
  explicit Interrupts(bool wanted) {
    if (!wanted) {
      return;
    }
    sigset_t signals;
    ::sigemptyset(&signals);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
      ::sigaddset(&signals, number);
    }
    ::pthread_sigmask(SIG_BLOCK, &signals, &before_);
    fd_.reset(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  ~Interrupts() {
    if (fd_) {
      ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
  }
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  /// How many have come since the last call.
  [[nodiscard]] int take() noexcept {
    int count = 0;
    signalfd_siginfo info{};
    while (::read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      ++count;
    }
    return count;
  }

 private:
  sigset_t before_{};
  UniqueFd fd_;
};

std::string run_name(const spec::PipelineSpec& spec) {
  static std::atomic<int> runs{0};  // a program may run several pipelines
  const int number = ++runs;
  std::string name = spec.name.empty() ? "pipeline" : spec.name;
  for (char& byte : name) {
    byte = byte == '/' || byte == '.' ? '_' : byte;
  }
  return name.substr(0, 40) + "-" + std::to_string(::getpid()) +
         (number > 1 ? "-" + std::to_string(number) : "");
}

void write_report(const std::string& path, const json& report) {
  const std::string draft = path + ".part";
  std::error_code ignored;
  std::filesystem::remove(draft, ignored);
  write_new_file(draft, report.dump(2) + "\n");
  std::error_code failed;
  std::filesystem::rename(draft, path, failed);
  if (failed) {
    throw Error(ErrorCode::Open, "cannot write the report '" + path + "': " + failed.message());
  }
}

/// A folder for stages that are only asked; gone afterwards.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "avrig-check-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) {
      throw errno_error(ErrorCode::Open, "cannot make a scratch folder '" + pattern + "'");
    }
    path_ = pattern;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

}  // namespace

SetupError::SetupError(SetupProblems problems)
    : Error(problems.code, join(problems)), problems_(std::move(problems)) {}

/// Requests from other threads of this program.
struct Launcher::Inbox {
  std::mutex lock;
  std::vector<std::pair<json, ControlServer::Reply>> waiting;
  bool open = false;
  UniqueFd bell{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
};

/// Everything that a run or a check needs around its stages, in the order of its life.
class Launcher::Site {
 public:
  Site(const spec::PipelineSpec& spec,
       const LaunchOptions& options,
       RunLog& log,
       std::string run_dir)
      : log_(&log), interrupts_(options.handle_signals) {
    if (options.handle_signals) {
      loop_.watch(interrupts_.fd(), [this] { interrupted(); });
    }
    const std::string programs =
        options.program_dir.empty() ? find_program_dir() : options.program_dir;
    Crew::Options crew;
    crew.program_dir = programs;
    crew.run_dir = std::move(run_dir);
    crew.interrupted = [this] {
      return interrupts_seen_ > 0;
    };
    crew.jack_server = choose_jack(spec, programs);
    crew.lifeline = jack_ ? jack_->server().lifeline() : -1;
    crew_.emplace(spec, std::move(crew), loop_, log);
  }

  /// Start and ask all stages, build the graph, fix the formats, plan.
  Checked ask(const spec::PipelineSpec& spec) {
    Checked checked;
    checked.found = crew_->start_all();
    log_->line("avrig", stage::Level::Debug, "stage processes started");
    if (jack_) {
      jack_->server().wait_ready(monotonic_ns() + kJackTimeoutNs);
      log_->line("avrig", stage::Level::Debug, "the private JACK server answers");
    }
    if (!checked.found.ok() || !add(checked.found, crew_->describe_all())) {
      return checked;
    }
    log_->line("avrig", stage::Level::Debug, "all stages have described themselves");
    graph::Descriptions descriptions;
    for (const Member& member : crew_->members()) {
      descriptions.emplace(member.spec->id, member.description);
    }
    graph::Built built = graph::Graph::build(spec, descriptions);
    checked.found.add(ErrorCode::Spec, std::move(built.problems));
    checked.graph = std::move(built.graph);
    if (!checked.graph || !checked.found.ok() ||
        !add(checked.found, crew_->configure_all(*checked.graph))) {
      return checked;
    }
    log_->line("avrig", stage::Level::Debug, "all stages have fixed their formats");
    graph::PlanOptions options;
    options.cores = static_cast<unsigned>(std::max(::sysconf(_SC_NPROCESSORS_ONLN), 1L));
    graph::Planned planned = checked.graph->plan(options);
    checked.found.add(ErrorCode::Spec, std::move(planned.problems));
    if (checked.found.ok()) {
      checked.plan = std::move(planned.plan);
    }
    return checked;
  }

  EventLoop& loop() noexcept { return loop_; }
  /// See JackKeeper::tend().
  std::string tend_jack(std::int64_t now_ns) { return jack_ ? jack_->tend(now_ns) : std::string(); }
  /// False: the server is not ours.
  bool jack_stands_still() noexcept {
    if (jack_) {
      jack_->stands_still();
    }
    return jack_.has_value();
  }
  Crew& crew() noexcept { return *crew_; }
  void on_interrupt(std::function<void(int count)> handler) { on_interrupt_ = std::move(handler); }
  [[nodiscard]] int interrupts() const noexcept { return interrupts_seen_; }

 private:
  static bool add(SetupProblems& to, SetupProblems more) {
    to.add(more.code, std::move(more.problems));
    return to.ok();
  }

  void interrupted() {
    interrupts_seen_ += interrupts_.take();
    if (on_interrupt_) {
      on_interrupt_(interrupts_seen_);
    }
  }

  std::string choose_jack(const spec::PipelineSpec& spec, const std::string& programs) {
    const bool needed =
        !spec.offline && std::any_of(spec.stages.begin(), spec.stages.end(), [](const auto& stage) {
          return needs_jack(stage);
        });
    const spec::JackStart start = spec.jack.start;
    if (!needed || start == spec::JackStart::Never ||
        (start == spec::JackStart::Auto && jack_answers(spec.jack.server))) {
      return spec.jack.server;
    }
    jack_.emplace(PrivateJack::start(spec.jack, programs), loop_, *log_);
    log_->info("no JACK server answers: a private one, '" + jack_->server().name() +
               "', is started");
    return jack_->server().name();
  }

  RunLog* log_;
  Interrupts interrupts_;
  EventLoop loop_;
  std::optional<JackKeeper> jack_;
  std::optional<Crew> crew_;  // after the server: its stages go first
  int interrupts_seen_ = 0;
  std::function<void(int)> on_interrupt_;
};

Launcher::Launcher(spec::PipelineSpec spec, LaunchOptions options)
    : spec_(std::move(spec)), options_(std::move(options)), inbox_(std::make_unique<Inbox>()) {}

Launcher::~Launcher() = default;

Checked Launcher::check() {
  RunLog log(options_.echo);
  const ScratchFolder scratch;
  spec::PipelineSpec spec = spec_;
  spec::expand_run_dir(spec, scratch.path());
  Site site(spec, options_, log, scratch.path());
  return site.ask(spec);
}

void Launcher::request(json what, ControlServer::Reply reply) {
  {
    const std::lock_guard lock(inbox_->lock);
    if (inbox_->open) {
      inbox_->waiting.emplace_back(std::move(what), std::move(reply));
      const std::uint64_t one = 1;
      (void)!::write(inbox_->bell.get(), &one, sizeof one);
      return;
    }
  }
  reply({{"ok", false}, {"error", "the pipeline does not run"}}, {});
}

RunResult Launcher::run() {
  RunLog log(options_.echo);
  spec::PipelineSpec spec = spec_;
  RunResult result;
  result.run_dir = make_run_folder(spec);
  log.open(result.run_dir + "/run.log");
  spec::expand_run_dir(spec, result.run_dir);
  write_new_file(result.run_dir + "/pipeline.yaml", spec::to_yaml(spec));
  write_new_file(result.run_dir + "/host.json",
                 json{{"versions", versions()}, {"host", host_facts()}}.dump(2) + "\n");
  const auto keep_report = [&](const json& report) {
    write_report(result.run_dir + "/report.json", report);
    if (!options_.report_file.empty()) {
      write_report(options_.report_file, report);
    }
  };
  const auto fail = [&](ErrorCode code, const std::string& text) {
    log.line("avrig", stage::Level::Info, "could not be set up: " + text);
    keep_report({{"avrig", versions()},
                 {"pipeline", spec.name},
                 {"run_dir", result.run_dir},
                 {"exit_code", static_cast<int>(code)},
                 {"reason", text}});
  };
  try {
    Site site(spec, options_, log, result.run_dir);
    Checked checked = site.ask(spec);
    if (!checked.plan) {
      throw SetupError(std::move(checked.found));
    }
    for (const spec::Problem& warning : checked.found.problems) {
      log.warn(spec::to_string(warning.position) + ": " + warning.text);
    }
    RunMemory memory(*checked.plan);
    log.line("avrig",
             stage::Level::Debug,
             "shared memory made: " + std::to_string(checked.plan->bytes >> 20) + " MiB");
    Supervisor::Options how;
    how.run_dir = result.run_dir;
    how.progress = options_.progress;
    how.tend_server = [&site](std::int64_t now_ns) {
      return site.tend_jack(now_ns);
    };
    how.server_stands_still = [&site] {
      return site.jack_stands_still();
    };
    Supervisor supervisor(spec, site.crew(), *checked.plan, memory, site.loop(), log, how);
    std::optional<ControlServer> control;
    if (options_.control) {
      control.emplace(site.loop(), run_name(spec), [&](const json& request, const auto& reply) {
        supervisor.handle(request, reply);
      });
    }
    if (SetupProblems found = supervisor.attach_all(); !found.ok()) {
      throw SetupError(std::move(found));
    }
    const auto interrupted = [&](int count) {
      supervisor.stop({ErrorCode::Interrupted, "interrupted"}, count > 1);
    };
    site.on_interrupt(interrupted);
    serve_inbox(site.loop(), supervisor);
    if (started_) {
      started_();
    }
    Outcome outcome = supervisor.run();
    close_inbox();
    result.code = outcome.code;
    result.text = outcome.text;
    result.report = std::make_shared<const json>(supervisor.report(outcome));
    keep_report(*result.report);
  } catch (const SetupError& error) {
    close_inbox();
    fail(error.code(), error.what());
    throw;
  } catch (const Error& error) {
    close_inbox();
    fail(error.code(), error.what());
    throw;
  }
  return result;
}

void Launcher::serve_inbox(EventLoop& loop, Supervisor& supervisor) {
  {
    const std::lock_guard lock(inbox_->lock);
    inbox_->open = true;
  }
  loop.watch(inbox_->bell.get(), [this, &supervisor] {
    std::uint64_t rings = 0;
    (void)!::read(inbox_->bell.get(), &rings, sizeof rings);
    std::vector<std::pair<json, ControlServer::Reply>> requests;
    {
      const std::lock_guard lock(inbox_->lock);
      requests.swap(inbox_->waiting);
    }
    for (const auto& [what, reply] : requests) {
      try {
        supervisor.handle(what, reply);
      } catch (const std::exception& error) {
        reply({{"ok", false}, {"error", error.what()}}, {});
      }
    }
  });
}

void Launcher::close_inbox() {
  std::vector<std::pair<json, ControlServer::Reply>> requests;
  {
    const std::lock_guard lock(inbox_->lock);
    inbox_->open = false;
    requests.swap(inbox_->waiting);
  }
  for (const auto& [what, reply] : requests) {
    reply({{"ok", false}, {"error", "the pipeline has ended"}}, {});
  }
}

}  // namespace avrig::launch
