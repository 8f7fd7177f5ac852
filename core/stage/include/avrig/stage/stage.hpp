// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/stage/assignment.hpp>
#include <avrig/stage/description.hpp>
#include <avrig/stage/io.hpp>
#include <avrig/types.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace avrig::stage {

/// What a stage was asked to be: its part of the pipeline file, resolved.
struct Request {
  std::string id;                   ///< the stage's id
  std::string role;                 ///< "read", "process", "sync", "write"
  std::string target;               ///< "media", "jack", "/lib/mine.so", the sync group's name
  std::string component;            ///< `class:`, which one of a library; may be empty
  std::string parameters;           ///< JSON object; canonical units: ns, Hz, bytes, dB
  std::vector<std::string> inputs;  ///< "stage/port" it is connected to, in order
  std::string run_dir;              ///< the run's folder; "{run}" in parameters is already resolved
  bool offline = false;
  std::string jack_server;        ///< name of the JACK server to use; empty = the default one
  std::string trigger = "any";    ///< several inputs: "any", "all", "paired"
  std::int64_t tolerance_ns = 0;  ///< "paired": how far the capture times may be apart
  std::string group = "{}";  ///< sync stages: JSON {mode, delay_ns?, max_delay_ns, max_unsynced_ns,
                             ///< end} with mode live|offline|asap and end all|any
};

/// What one output port was asked for by its followers; empty lists = no wish.
struct Wish {
  std::vector<std::string> pixel_formats;
  std::vector<std::uint32_t> sample_rates_hz;
  std::vector<std::uint32_t> channels;
};

/// What a stage program implements; `run_stage` is its main.
///
/// Life: parameters -> describe -> configure -> prepare -> run. `describe` and `configure` may
/// throw Error; the launcher shows the text with the stage's id. A restarted stage goes through all
/// four again, with the same Request and Assignment.
class Stage {
 public:
  virtual ~Stage() = default;

  /// What `with:` may say, before anything is opened. The launcher checks and resolves the user's
  /// values with it (units, paths, defaults, names) and describes with the result. Only id, role,
  /// target and component of `request` are set. Without an override `with:` is passed on as
  /// written and checked against Description::parameters. Throws Error.
  [[nodiscard]] virtual std::vector<ParameterDescription> parameters(const Request& request) {
    (void)request;
    return {};
  }

  /// Open the source, device or plug-in as far as needed to say what it is. Throws Error.
  [[nodiscard]] virtual Description describe(const Request& request) = 0;

  /// Input formats are fixed: answer with the output formats. Throws Error.
  ///
  /// `inputs`: one per connected input, in order. `wishes`: one per output port.
  [[nodiscard]] virtual Configured configure(std::span<const avrig_format> inputs,
                                             std::span<const Wish> wishes) = 0;

  /// Memory exists: attach, open files, warm up. No frame is read before every stage has returned.
  virtual void prepare(StageIo& io) = 0;

  /// Run until every input has ended, the source has ended, or io.stopping(). Throws Error.
  virtual void run(StageIo& io) = 0;

  /// Change a parameter that was published as live, between frames; `value` is canonical. Called
  /// by io.apply_parameters() on the thread of run(). Throws Error with what is wrong.
  virtual void set_parameter(const std::string& name, const std::string& value);
};

/// main() of a stage program: speaks with the launcher over the socket it inherited, converts
/// errors into messages and exit codes. Never throws.
[[nodiscard]] int run_stage(int argc, char** argv, Stage& stage) noexcept;

}  // namespace avrig::stage
