// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/launch/supervisor.hpp>

#include <csignal>

// What becomes of a stage, or a server, that stands still.

namespace avrig::launch {
namespace {

// A hanging stage is asked for a core dump first.
constexpr std::int64_t kAbortNs = 500'000'000;

}  // namespace

void Supervisor::look_for_hangs(std::int64_t now_ns) {
  for (Member& member : crew_->members()) {
    Post& post = posts_[member.index];
    if (post.kill_at_ns != 0) {
      if (now_ns >= post.kill_at_ns && member.process) {
        member.process->signal(SIGKILL);
      }
      continue;
    }
    if (post.phase == Phase::Starting && now_ns - post.began_ns > options_.ready_timeout_ns) {
      log_->error("stage '" + member.spec->id + "' did not get ready again; it is killed");
      post.kill_at_ns = now_ns;
    } else if (const auto hang = look(member, now_ns)) {
      end_hanging(member, *hang, now_ns);
    }
  }
}

std::optional<Hang> Supervisor::look(const Member& member, std::int64_t now_ns) {
  Post& post = posts_[member.index];
  if (stopping_ != Stopping::No || !member.process) {
    return std::nullopt;
  }
  const pid_t pid = member.process->pid();
  if (post.phase == Phase::Starting) {
    return post.watchdog.look_at_start(pid, now_ns);
  }
  return post.phase != Phase::Running
             ? std::nullopt
             : post.watchdog.look(
                   assigned_[member.index], memory_->block(), memory_->view()->rings, pid, now_ns);
}

void Supervisor::end_hanging(Member& member, const Hang& hang, std::int64_t now_ns) {
  Post& post = posts_[member.index];
  log_->error("stage '" + member.spec->id + "' hangs: " + to_string(hang) + "; it is killed");
  post.hang = hang;
  if (hang.why == Hang::Why::Stopped) {
    post.kill_at_ns = now_ns;  // it has nothing to say in a core dump
    member.process->signal(SIGKILL);
  } else {
    post.kill_at_ns = now_ns + kAbortNs;
    member.process->signal(SIGABRT);
  }
}

// A server of our own is ended and comes back; its keeper says so.
void Supervisor::on_server_still(const Member& member) {
  if (!options_.server_stands_still || !options_.server_stands_still()) {
    log_->warn("the JACK server has not called stage '" + member.spec->id +
               "' for 3 s: it stands still, and nothing is heard until it goes on (it is not of "
               "this run, and left alone)");
  }
}

}  // namespace avrig::launch
