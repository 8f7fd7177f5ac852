// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace avrig {

/// A value of a parameter, as it would stand in the pipeline file: 15, true, "20ms", "talk.mp4".
using PipelineValue = std::variant<bool, std::int64_t, double, std::string>;
using PipelineParameters = std::vector<std::pair<std::string, PipelineValue>>;

/// A pipeline built in C++ instead of YAML, and run by the same launcher.
///
///     avrig::Pipeline rig("talking-head");
///     rig.read("clip", "media", {{"url", "talk.mp4"}})
///         .process("blur", "gaussian-blur", {"clip/video"}, {{"kernel", 15}})
///         .write("screen", "display", {"blur"});
///     rig.start();
///     rig.wait();
///
/// Names, inputs and values are those of the file (docs/pipeline-spec.md), and so are the messages
/// about them. Everything throws avrig::Error, with all that is wrong in its text.
///
/// Thread: any, one at a time; stop(), set() and mark() beside wait()
class [[gnu::visibility("default")]] Pipeline {
 public:
  explicit Pipeline(std::string name);
  /// The pipeline of a file, to be changed or run.
  [[nodiscard]] static Pipeline from_file(const std::string& path);
  /// A running pipeline is stopped.
  ~Pipeline();
  Pipeline(Pipeline &&) noexcept;
  Pipeline& operator=(Pipeline&&) noexcept;

  // Stages ------------------------------------------------------------------------------------
  Pipeline& read(
      const std::string& id, const std::string& what, const PipelineParameters& with = {});
  Pipeline& process(const std::string& id,
                    const std::string& what,
                    const std::vector<std::string>& in,
                    const PipelineParameters& with = {});
  /// A gate of the sync group `group`.
  Pipeline& sync(const std::string& id, const std::string& group, const std::string& in);
  Pipeline& write(const std::string& id,
                  const std::string& what,
                  const std::vector<std::string>& in,
                  const PipelineParameters& with = {});
  /// How the streams of a sync group are presented together. Each counts in ns.
  ///
  /// `delay_ns` < 0: measured in pre-roll.
  Pipeline& group(const std::string& name,
                  std::int64_t delay_ns,
                  std::int64_t max_delay_ns,
                  std::int64_t max_unsynced_ns);
  /// One more parameter of a stage, over what was given.
  Pipeline& with(const std::string& id, const std::string& parameter, const PipelineValue& value);

  /// As fast as possible, nothing waits for a clock.
  Pipeline& offline(bool offline = true);
  /// Where the dated folders of runs go.
  Pipeline& run_folder(const std::string& folder);
  /// Where the stage programs lie, when this program is not beside them.
  Pipeline& program_folder(const std::string& folder);

  /// The same pipeline as a file's text.
  [[nodiscard]] std::string yaml() const;

  // Running -----------------------------------------------------------------------------------
  /// Set up and let frames flow. Returns when they do.
  void start();
  /// Until all is over. Throws Error with the run's reason when it did not end well.
  void wait();
  /// End the run: sources end, what is under way is drained. wait() returns when all is closed.
  void stop();
  /// The same without draining.
  void stop_now();
  [[nodiscard]] bool running() const;

  /// Take one stage's process away: its frames wait, or are lost as its edges say.
  void stop(const std::string& id);
  /// Bring it back.
  void start(const std::string& id);
  /// Until this stage has ended by itself.
  void wait(const std::string& id);

  /// Change a live parameter, between two frames; returns the first frame that has it.
  std::uint64_t set(
      const std::string& id, const std::string& parameter, const PipelineValue& value);
  /// A time-stamped text for the recordings and the log.
  void mark(const std::string& text);

  /// The last run's folder, and its report as JSON text; empty before wait() has returned.
  [[nodiscard]] std::string last_run_folder() const;
  [[nodiscard]] std::string report() const;

 private:
  struct Self;
  std::unique_ptr<Self> self_;
};

}  // namespace avrig
