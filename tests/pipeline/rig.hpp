// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/launch/child_process.hpp>

#include <csignal>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include <nlohmann/json.hpp>

namespace avrig::e2e {

/// What became of a command.
struct Finished {
  int code = -1;  ///< 128 + n: killed by signal n
  std::string said;
  nlohmann::json report;  ///< of `run`; null when none was written
  double seconds = 0;

  [[nodiscard]] nlohmann::json stage(const std::string& id) const;
  [[nodiscard]] nlohmann::json edge(const std::string& from, const std::string& to) const;
  [[nodiscard]] std::string run_dir() const;
  [[nodiscard]] std::string log() const;  ///< the merged log
};

/// A stage of a running rig, as its launcher knows it.
struct StageNow {
  std::string id;
  pid_t pid = 0;
  std::string phase;
};

/// A folder and the programs that run in it: everything that a test starts is marked in its
/// environment, found again by that, and gone with the Rig.
class Rig {
 public:
  /// `folder`: an existing one instead of one in the place for temporary files.
  explicit Rig(const std::string& folder = {});
  ~Rig();
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  [[nodiscard]] const std::string& folder() const noexcept { return folder_; }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_ + "/" + name; }
  /// Write a file here; returns its path.
  std::string write(const std::string& name, const std::string& text) const;
  [[nodiscard]] std::string read(const std::string& name) const;

  /// Run `avrig ARGUMENTS...` to its end.
  [[nodiscard]] Finished command(const std::vector<std::string>& arguments, double patience_s = 60);
  /// Run a pipeline to its end, with a report.
  [[nodiscard]] Finished run(const std::string& yaml,
                             const std::vector<std::string>& more = {},
                             double patience_s = 60);

  /// Start a pipeline; one at a time.
  void start(const std::string& yaml, const std::vector<std::string>& more = {});
  /// Stay until frames flow in every stage.
  void wait_running(double patience_s = 20);
  /// Stay until a file here has so many bytes.
  void wait_size(const std::string& name, std::uint64_t bytes, double patience_s = 20);
  /// The launcher's process.
  [[nodiscard]] pid_t launcher() const { return child_->pid(); }
  void signal(int number) const { child_->signal(number); }
  /// Has it ended?
  [[nodiscard]] bool ended() { return child_->try_wait().has_value(); }
  /// Stay until it has; kills it beyond `patience_s`.
  [[nodiscard]] Finished finish(double patience_s = 60);

  /// What the launcher answers on its control socket; null when it does not.
  [[nodiscard]] nlohmann::json ask(const nlohmann::json& request) const;
  [[nodiscard]] std::vector<StageNow> stages() const;
  [[nodiscard]] StageNow stage(const std::string& id) const;
  /// Send a stage a signal that is its end, and stay until its successor runs.
  void replace(const std::string& id, int signal = SIGKILL, double patience_s = 20);
  /// The run's merged log, before its report says where.
  [[nodiscard]] std::string log_so_far() const;
  /// The run's folder, before its report says so.
  [[nodiscard]] std::string run_dir() const;

  /// The living processes that this rig started, directly or not.
  [[nodiscard]] std::vector<pid_t> processes() const;
  /// Stay until none is left; how long that took, or empty beyond `patience_s`.
  [[nodiscard]] std::optional<double> wait_gone(double patience_s);

 private:
  void spawn(const std::vector<std::string>& arguments);

  std::string folder_;
  bool own_folder_ = true;
  std::optional<launch::ChildProcess> child_;
  std::int64_t began_ns_ = 0;
  int runs_ = 0;
  std::vector<pid_t> launchers_;
};

/// Poll until `done` holds; false beyond `patience_s`.
[[nodiscard]] bool wait_until(const std::function<bool()>& done, double patience_s);

/// Every edge's account adds up and nothing is under way; `cut_short`: what was under way when the
/// run was ended counts as such.
void check_accounts(const Finished& finished, bool cut_short = false);

/// No stage died of itself.
void check_no_crash(const Finished& finished);

}  // namespace avrig::e2e
