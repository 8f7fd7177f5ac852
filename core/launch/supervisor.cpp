// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/launch/quarantine.hpp>
#include <avrig/launch/supervisor.hpp>
#include <avrig/monotonic.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <ctime>

#include <nlohmann/json.hpp>

namespace avrig::launch {
namespace {

using nlohmann::json;

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kTickNs = 50 * kMs;
// Together less than the two seconds in which a rig is to be gone.
constexpr std::int64_t kDrainNs = 1000 * kMs;
constexpr std::int64_t kCloseNs = 700 * kMs;
constexpr std::int64_t kNowNs = 300 * kMs;
constexpr std::int64_t kOfflineHangNs = 30'000 * kMs;
constexpr std::int64_t kProgressNs = 200 * kMs;

std::int64_t hang_timeout(const spec::PipelineSpec& spec, const spec::StageSpec& stage) {
  // Offline a frame may take as long as it needs; who wrote another value meant it.
  const bool usual = stage.hang_timeout_ns == spec::StageSpec{}.hang_timeout_ns;
  return spec.offline && usual ? kOfflineHangNs : stage.hang_timeout_ns;
}

std::string seconds(std::int64_t ns) {
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(), text.size(), "%.1f s", static_cast<double>(ns) * 1e-9);
  return text.data();
}

std::string milliseconds(std::int64_t ns) {
  return std::to_string(ns / kMs) + " ms";
}

std::string wall_clock() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  ::localtime_r(&now, &local);
  std::array<char, 40> text{};
  (void)std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S%z", &local);
  return text.data();
}

}  // namespace

Supervisor::Supervisor(const spec::PipelineSpec& spec,
                       Crew& crew,
                       const graph::Plan& plan,
                       RunMemory& memory,
                       EventLoop& loop,
                       RunLog& log,
                       Options options)
    : spec_(&spec),
      crew_(&crew),
      plan_(&plan),
      memory_(&memory),
      loop_(&loop),
      log_(&log),
      options_(std::move(options)),
      assigned_(plan.assignments) {
  for (const graph::GroupPlan& group : plan.groups) {
    groups_.push_back(group.name);
  }
  for (const Member& member : crew.members()) {
    posts_.emplace_back(*member.spec, hang_timeout(spec, *member.spec));
    posts_.back().last_pid = member.process ? member.process->pid() : 0;
    duration_ns_ = std::max(duration_ns_, member.description.duration_ns);
  }
}

void Supervisor::attach(Member& member) {
  stage::Assignment assignment = assigned_[member.index];
  assignment.words = member.words;
  member.answer.reset();
  Crew::send_kept(member);
  (void)member.process->send({{"order", "attach"}, {"assignment", assignment}},
                             memory_->fds_for(assignment));
}

SetupProblems Supervisor::attach_all() {
  started_ns_ = monotonic_ns();
  started_text_ = wall_clock();
  std::vector<Member*> asked;
  for (Member& member : crew_->members()) {
    assigned_[member.index].run_dir = options_.run_dir;
    assigned_[member.index].started_ns = started_ns_;
    attach(member);
    asked.push_back(&member);
  }
  memory_->observe();  // beside the stages, which are busy with the same
  return crew_->await(asked, "ready", "get ready", options_.ready_timeout_ns, [this](Member& one) {
    ++assigned_[one.index].generation;  // what its predecessor made is its own
    attach_anew(one);
  });
}

void Supervisor::go(Member& member) {
  Post& post = posts_[member.index];
  post.phase = Phase::Running;
  post.began_ns = monotonic_ns();
  post.watchdog.restarted(post.began_ns);
  (void)member.process->send({{"order", "go"}});
  if (std::exchange(post.haste, Haste::No) == Haste::Yes) {
    end_haste(*spec_, *member.spec, member.process->pid());
  }
  if (tapped_) {
    (void)member.process->send({{"order", "taps"}});
  }
  send_changes(member);
  if (stopping_ != Stopping::No) {
    (void)member.process->send({{"order", "stop"}, {"abandon", stopping_ != Stopping::Draining}});
  }
}

Outcome Supervisor::run() {
  crew_->handle({[this](Member& member, const json& message) { on_event(member, message); },
                 [this](Member& member, const ExitStatus& status) {
                   on_end(member, status);
                 }});
  log_->info("started '" + spec_->name + "', " + std::to_string(posts_.size()) + " stages, " +
             milliseconds(monotonic_ns() - log_->began_ns()) + " after the call");
  for (Member& member : crew_->members()) {
    log_->info("stage '" + member.spec->id + "' is process " +
               std::to_string(member.process->pid()));
    if (member.ended) {  // between its answer and now
      on_end(member, *member.ended);
    } else {
      go(member);
    }
  }
  while (!over()) {
    loop_->run_once(next_tick_ns());
    tick();
  }
  log_->progress({});
  const std::uint64_t broken = broken_promises(assigned_, memory_->view()->rings);
  if (outcome_.code == ErrorCode::Ok && broken > 0) {
    outcome_ = {ErrorCode::Promise,
                std::to_string(broken) +
                    " frames were lost on edges that must not lose any; the "
                    "report names them"};
  }
  return outcome_;
}

bool Supervisor::over() const {
  return std::all_of(posts_.begin(), posts_.end(), [this](const Post& post) {
    return post.phase == Phase::Ended || post.phase == Phase::Lost ||
           (stopping_ != Stopping::No && post.phase == Phase::Held);
  });
}

std::int64_t Supervisor::next_tick_ns() const {
  std::int64_t next_ns = monotonic_ns() + kTickNs;
  for (const Post& post : posts_) {
    if (post.phase == Phase::Down) {
      next_ns = std::min(next_ns, post.restart_at_ns);
    }
  }
  return next_ns;
}

void Supervisor::tick() {
  const std::int64_t now_ns = monotonic_ns();
  const bool comes_back = stopping_ == Stopping::No || stopping_ == Stopping::Draining;
  for (Member& member : crew_->members()) {
    const Post& post = posts_[member.index];
    if (comes_back && post.phase == Phase::Down && now_ns >= post.restart_at_ns) {
      restart(member);
    }
  }
  look_for_hangs(now_ns);
  look_after_server(now_ns);
  push_stop(now_ns);
  end_when_written();
  expire_answers(now_ns);
  tell_who_waits();
  show_progress(now_ns);
}

// What a stage says --------------------------------------------------------------------------

void Supervisor::on_event(Member& member, const json& message) {
  Post& post = posts_[member.index];
  if (message.value("answer", "") == "ready" && post.phase == Phase::Starting) {
    const std::int64_t took_ns = monotonic_ns() - post.began_ns;
    go(member);
    log_->info("stage '" + member.spec->id + "' is back as process " +
               std::to_string(member.process->pid()) + " after " + milliseconds(took_ns));
  } else if (message.value("event", "") == "ended") {
    post.said_ended = true;
  } else if (message.value("event", "") == "server-still") {
    on_server_still(member);
  } else if (message.value("event", "") == "set") {
    on_set(member, message);
  }
}

// How a stage ends ---------------------------------------------------------------------------

void Supervisor::on_end(Member& member, const ExitStatus& status) {
  Post& post = posts_[member.index];
  if (post.said_ended && status.clean()) {
    post.phase = Phase::Ended;
    return;
  }
  // Whoever it was about to wake must look for himself.
  memory_->block().ring_all();
  if (post.wanted_down) {
    post.phase = Phase::Held;
    log_->info("stage '" + member.spec->id + "' is out, as ordered");
  } else if (stopping_ == Stopping::Abandoning || stopping_ == Stopping::Killing) {
    post.phase = status.clean() ? Phase::Ended : Phase::Lost;
  } else if (member.failure && member.failure->code != ErrorCode::Internal) {
    // It says itself why it cannot go on: a full disk is full for a successor too.
    post.phase = Phase::Lost;
    stop({member.failure->code, "stage '" + member.spec->id + "': " + member.failure->text}, false);
  } else {
    after_death(member, status);
  }
}

void Supervisor::after_death(Member& member, const ExitStatus& status) {
  Post& post = posts_[member.index];
  const bool killed_late = std::exchange(post.kill_at_ns, 0) != 0;
  const auto hang = std::exchange(post.hang, std::nullopt);
  const bool stopped = hang && hang->why == Hang::Why::Stopped;  // from outside too
  std::string what = describe_end(member, status);
  if (member.failure) {
    what += ": " + member.failure->text;
  }
  if (stopped || (status.from_outside() && !killed_late)) {
    log_->warn(what + (stopped ? " by the watchdog" : " from outside") + "; it comes back");
    post.phase = Phase::Down;
    post.restart_at_ns = monotonic_ns();
    return;
  }
  ++post.crashes;
  drop_changes(member);
  if (!killed_late || (hang && hang->why == Hang::Why::Frame)) {
    blame_frame(member, what);
  }
  if (const auto pause_ns = post.budget.crashed(monotonic_ns())) {
    log_->error(what + "; it comes back" +
                (*pause_ns > 0 ? " in " + seconds(*pause_ns) : std::string()) + " (" +
                std::to_string(post.budget.recent()) + " of " +
                std::to_string(member.spec->restart.max) + " in " +
                seconds(member.spec->restart.window_ns) + ")");
    post.phase = Phase::Down;
    post.restart_at_ns = monotonic_ns() + *pause_ns;
    return;
  }
  post.phase = Phase::Lost;
  stop({ErrorCode::StageDied,
        what + "; that was beyond its restarts (restart: max " +
            std::to_string(member.spec->restart.max) + " within " +
            seconds(member.spec->restart.window_ns) + ")"},
       false);
}

void Supervisor::blame_frame(Member& member, const std::string& why) {
  Post& post = posts_[member.index];
  stage::Assignment& assignment = assigned_[member.index];
  const auto sequence = frame_in_hand(assignment, memory_->view()->rings);
  if (!sequence || !post.blame.blame(*sequence)) {
    return;
  }
  assignment.quarantined.push_back(*sequence);
  ++post.quarantined;
  std::string where;
  try {
    where = "; saved as " + save_frame(assignment, memory_->view()->rings, *sequence, why);
  } catch (const std::exception& error) {
    where = std::string("; it could not be saved: ") + error.what();
  }
  log_->error("frame " + std::to_string(*sequence) + " of " + assignment.inputs.front().from +
              " crashed stage '" + member.spec->id + "' twice and is set aside" + where);
}

void Supervisor::restart(Member& member) {
  Post& post = posts_[member.index];
  ++post.restarts;
  ++assigned_[member.index].generation;
  post.said_ended = false;
  for (auto& [name, change] : post.changes) {
    change.sent = false;
  }
  post.phase = Phase::Starting;
  post.began_ns = monotonic_ns();
  post.watchdog.restarted(post.began_ns);
  try {
    crew_->start(member);
  } catch (const Error& error) {
    post.phase = Phase::Lost;
    stop({ErrorCode::StageDied, "stage '" + member.spec->id + "': " + error.what()}, false);
    return;
  }
  post.last_pid = member.process->pid();
  post.haste = hasten(*spec_, *member.spec, post.last_pid);
  attach_anew(member);
}

// Orders wait in the socket: no round trip is paid for what is known already.
void Supervisor::attach_anew(Member& member) {
  (void)member.process->send(Crew::describe_order(member));
  (void)member.process->send(Crew::configure_order(member));
  attach(member);
}

void Supervisor::hold_stage(Member& member) {
  Post& post = posts_[member.index];
  post.wanted_down = true;
  if (post.phase == Phase::Running || post.phase == Phase::Starting) {
    member.process->signal(SIGKILL);  // what survives a crash survives this
  } else if (post.phase == Phase::Down) {
    post.phase = Phase::Held;
  }
}

void Supervisor::release_stage(Member& member) {
  Post& post = posts_[member.index];
  post.wanted_down = false;
  if (post.phase == Phase::Held) {
    post.phase = Phase::Down;
    post.restart_at_ns = monotonic_ns();
  }
}

// What the clock says ------------------------------------------------------------------------

void Supervisor::look_after_server(std::int64_t now_ns) {
  if (stopping_ == Stopping::No && options_.tend_server) {
    if (std::string lost = options_.tend_server(now_ns); !lost.empty()) {
      stop({ErrorCode::StageDied, std::move(lost)}, false);
    }
  }
}

void Supervisor::stop(Outcome why, bool now) {
  const bool first = stopping_ == Stopping::No;
  if (first) {
    outcome_ = std::move(why);
    if (outcome_.code != ErrorCode::Ok && outcome_.code != ErrorCode::Interrupted) {
      log_->error(outcome_.text);
    } else if (!outcome_.text.empty()) {
      log_->info(outcome_.text);
    }
  }
  if (first && !now) {
    stopping_ = Stopping::Draining;
    push_at_ns_ = monotonic_ns() + kDrainNs;
  } else if (stopping_ == Stopping::No || stopping_ == Stopping::Draining) {
    stopping_ = Stopping::Abandoning;
    push_at_ns_ = monotonic_ns() + kNowNs;
  } else {
    return;
  }
  for (Member& member : crew_->members()) {
    if (posts_[member.index].phase == Phase::Running) {
      (void)member.process->send(
          {{"order", "stop"}, {"abandon", stopping_ == Stopping::Abandoning}});
    }
  }
}

void Supervisor::push_stop(std::int64_t now_ns) {
  if (stopping_ == Stopping::No || now_ns < push_at_ns_) {
    return;
  }
  if (stopping_ == Stopping::Draining) {
    stopping_ = Stopping::Abandoning;
    push_at_ns_ = now_ns + kCloseNs;
    for (Member& member : crew_->members()) {
      if (posts_[member.index].phase == Phase::Running) {
        (void)member.process->send({{"order", "stop"}, {"abandon", true}});
      } else if (posts_[member.index].phase == Phase::Starting) {
        member.process->cut();
      } else if (posts_[member.index].phase == Phase::Down) {
        posts_[member.index].phase = Phase::Lost;
      }
    }
    return;
  }
  stopping_ = Stopping::Killing;
  push_at_ns_ = now_ns + kCloseNs;
  for (Member& member : crew_->members()) {
    Post& post = posts_[member.index];
    if (post.phase == Phase::Running || post.phase == Phase::Starting) {
      log_->warn("stage '" + member.spec->id + "' did not end in time; it is killed");
      member.process->signal(SIGKILL);
    } else if (post.phase == Phase::Down) {
      post.phase = Phase::Lost;
    }
  }
}

// A run is over when all is written, even where a source could go on.
void Supervisor::end_when_written() {
  if (stopping_ != Stopping::No) {
    return;
  }
  bool any = false;
  for (const Member& member : crew_->members()) {
    if (member.spec->role == spec::Role::Writer) {
      any = true;
      if (posts_[member.index].phase != Phase::Ended) {
        return;
      }
    }
  }
  if (any && !over()) {
    stop({}, false);
  }
}

void Supervisor::show_progress(std::int64_t now_ns) {
  if (!options_.progress || duration_ns_ <= 0 || now_ns < progress_at_ns_) {
    return;
  }
  progress_at_ns_ = now_ns + kProgressNs;
  std::int64_t at_ns = INT64_MAX;
  for (const Member& member : crew_->members()) {
    if (member.spec->role == spec::Role::Writer) {
      const shm::StagePage& page = memory_->block().stage(static_cast<std::uint32_t>(member.index));
      at_ns = std::min(at_ns, page.media_ns.load(std::memory_order_relaxed));
    }
  }
  if (at_ns == INT64_MAX) {
    return;
  }
  constexpr int kWidth = 30;
  const double part =
      std::clamp(static_cast<double>(at_ns) / static_cast<double>(duration_ns_), 0.0, 1.0);
  const auto full = static_cast<std::size_t>(part * kWidth);
  std::array<char, 96> text{};
  (void)std::snprintf(text.data(),
                      text.size(),
                      "[%s%s] %3.0f %%  %.1f of %.1f s",
                      std::string(full, '#').c_str(),
                      std::string(kWidth - full, '.').c_str(),
                      part * 100,
                      static_cast<double>(at_ns) * 1e-9,
                      static_cast<double>(duration_ns_) * 1e-9);
  log_->progress(text.data());
}

}  // namespace avrig::launch
