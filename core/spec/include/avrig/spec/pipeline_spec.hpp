// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/spec/problem.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace avrig::spec {

/// The only version of the pipeline file that this build reads (`avrig: 1`).
inline constexpr int kSpecVersion = 1;

/// The most stages of one run. A file with more is refused, not truncated.
inline constexpr std::size_t kMaxStages = 64;

/// `None` only while a spec is being put together; check() refuses it.
enum class Role { None, Reader, Processor, Sync, Writer };
enum class Loss { Must, MaySkip };
enum class Wait { Block, Adaptive, Spin };
enum class Unprocessed { Pass, Drop };
enum class TriggerKind { Any, All, Paired };
enum class SyncMode { Live, Offline, Asap };
enum class GroupEnd { All, Any };
enum class JackStart { Auto, Never, Private };

// The words of the file for each: "read", "may_skip", "adaptive", ...
[[nodiscard]] std::string_view to_string(Role role);  ///< the role key: "read", ...
[[nodiscard]] std::string_view role_name(Role role);  ///< "reader", "processor", "gate", "writer"
[[nodiscard]] std::string_view to_string(Loss loss);
[[nodiscard]] std::string_view to_string(Wait wait);
[[nodiscard]] std::string_view to_string(Unprocessed unprocessed);
[[nodiscard]] std::string_view to_string(TriggerKind kind);
[[nodiscard]] std::string_view to_string(SyncMode mode);
[[nodiscard]] std::string_view to_string(GroupEnd end);
[[nodiscard]] std::string_view to_string(JackStart start);

/// One edge, named on its consumer: `in: clip/audio`.
struct InputSpec {
  std::string stage;
  std::string port;                      ///< empty: the producer's only (or default) output
  std::optional<Loss> loss;              ///< unset: the graph decides by what follows
  std::optional<std::int64_t> slack_ns;  ///< unset: as the output says
  SourcePosition position;

  /// "clip/audio", or "clip".
  [[nodiscard]] std::string reference() const;
};

/// When a stage with several inputs runs.
struct Trigger {
  TriggerKind kind = TriggerKind::Any;
  std::int64_t tolerance_ns = 0;  ///< Paired only: how far apart capture times may lie
};

/// How often a stage may die, and how fast it comes back.
struct RestartPolicy {
  int max = 5;  ///< within `window_ns`; 0 = never restarted
  std::int64_t window_ns = 60'000'000'000;
  std::int64_t backoff_ns = 100'000'000;  ///< before the second restart, doubled with each more
};

/// What the user fixes about an output's ring; unset values are the graph's to choose.
struct OutputSpec {
  std::optional<int> depth_frames;           ///< descriptors in the ring
  std::optional<std::int64_t> window_bytes;  ///< in-flight window
  std::optional<std::int64_t> slack_ns;      ///< how far a `must` follower may lag, live
};

/// Where a key of `with:` and its value were written, and the value's own spelling.
struct ParamSource {
  SourcePosition key;
  SourcePosition value;
  std::string text;  ///< a scalar as written, before it was read as a number or bool
};

/// One process of the pipeline.
struct StageSpec {
  std::string id;
  Role role = Role::None;
  std::string target;       ///< as written: "media", "./blur.so", the sync group's name
  std::string target_path;  ///< absolute, where the target is a library; else empty
  std::string plugin;       ///< `class:`, which one of a library that offers several; may be empty
  std::vector<InputSpec> inputs;

  /// `with:`, an object, values as written: quantities are still text ("20ms"), numbers and bools
  /// are themselves. check_parameters() resolves them.
  nlohmann::json params = nlohmann::json::object();
  /// Keyed by JSON pointer: "/kernel", "/sources/0/gain".
  std::map<std::string, ParamSource> param_sources;

  OutputSpec out;                               ///< for every output
  std::map<std::string, OutputSpec> out_ports;  ///< for one port, over `out`

  Wait wait = Wait::Adaptive;
  Trigger trigger;
  std::optional<Unprocessed> unprocessed;  ///< unset: drop live, pass offline
  RestartPolicy restart;
  std::int64_t hang_timeout_ns = 5'000'000'000;  ///< 0 = never
  std::vector<int> cpus;                         ///< empty = not pinned
  int nice = 0;
  int realtime = 0;  ///< SCHED_FIFO priority; 0 = ordinary

  std::string folder;  ///< relative paths of this stage count from here; absolute
  SourcePosition position;
  SourcePosition target_position;

  /// What `out:` says of one port: its own entry over the stage's.
  [[nodiscard]] OutputSpec output(std::string_view port) const;
  /// Where `pointer` ("/kernel") was written; the stage itself where unknown.
  [[nodiscard]] SourcePosition value_position(const std::string& pointer) const;
  [[nodiscard]] SourcePosition key_position(const std::string& pointer) const;
};

/// Options of one sync group.
struct GroupSpec {
  std::optional<SyncMode> mode;          ///< unset: live, or offline in an offline run
  std::optional<std::int64_t> delay_ns;  ///< unset: measured in pre-roll
  std::int64_t max_delay_ns = 500'000'000;
  std::int64_t max_unsynced_ns = 10'000'000;
  GroupEnd end = GroupEnd::All;
  SourcePosition position;
};

/// Which JACK server the run uses.
struct JackSpec {
  std::string server;  ///< empty: $JACK_DEFAULT_SERVER, else "default"
  JackStart start = JackStart::Auto;
  std::string driver = "dummy";  ///< of a private server
  std::int64_t rate_hz = 48000;  ///< of a private server
  int period_samples = 256;      ///< of a private server
};

/// A pipeline: what `avrig run` is given. An ordinary value: build it in code or parse() it.
struct PipelineSpec {
  int version = kSpecVersion;
  std::string name;
  std::vector<StageSpec> stages;
  std::map<std::string, GroupSpec> groups;  ///< only those the file says something about

  std::string run_dir;  ///< holds the dated folders; empty: "avrig-runs" in the working directory
  std::int64_t memory_budget_bytes = std::int64_t{2} << 30;
  bool offline = false;
  JackSpec jack;

  std::string folder;  ///< relative paths count from here; absolute
  std::string file;    ///< the file it came from; empty when built in code

  [[nodiscard]] const StageSpec* find_stage(std::string_view id) const;
  [[nodiscard]] StageSpec* find_stage(std::string_view id);
  /// The group's options; defaults where the file says nothing.
  [[nodiscard]] GroupSpec group(const std::string& name) const;
};

/// "clip/audio" or "clip" as an input, for specs built in code. What is no reference is refused by
/// check().
[[nodiscard]] InputSpec input(std::string_view reference, std::optional<Loss> loss = std::nullopt);

/// Fill in what a spec built in code leaves open and a parsed one has: the folder that paths count
/// from (the working directory, where none is set), in every stage, and the paths of libraries.
void complete(PipelineSpec& spec);

/// Equal but for positions: what a resolved spec, written and read back, must be.
[[nodiscard]] bool same_meaning(const PipelineSpec& a, const PipelineSpec& b);

/// An absolute path for what a user wrote. URLs ("rtsp://...", "pipe:0"), absolute paths, "-" and
/// anything that begins with "{run}" stay as they are.
[[nodiscard]] std::string resolve_path(std::string_view written, const std::string& folder);

/// Whether a stage's target names a library file rather than something built in.
[[nodiscard]] bool is_library_path(std::string_view target);

/// Replace each "{run}" in the stages' parameters by the run's folder. Done by the launcher, once.
void expand_run_dir(PipelineSpec& spec, const std::string& run_folder);

/// Whether `text` can be a stage's id (or a group's or port's name): a letter, digit or `_`, then
/// also `-`, at most 63 of them.
[[nodiscard]] bool is_good_name(std::string_view text);

}  // namespace avrig::spec
