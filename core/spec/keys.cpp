// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/spec/keys.hpp>

#include <algorithm>

namespace avrig::spec {
namespace {

using T = ParameterType;

Key value(Scope scope, Parameter parameter) {
  return Key{scope, Shape::Value, std::move(parameter), std::nullopt};
}

Key shaped(
    Scope scope, Shape shape, std::string name, std::string doc, std::optional<Scope> nested) {
  Parameter parameter{.name = std::move(name), .type = T::Any, .default_value = nullptr};
  parameter.doc = std::move(doc);
  return Key{scope, shape, std::move(parameter), nested};
}

Parameter text(std::string name, nlohmann::json otherwise, std::string doc) {
  return {.name = std::move(name),
          .type = T::String,
          .default_value = std::move(otherwise),
          .doc = std::move(doc)};
}

Parameter path(std::string name, nlohmann::json otherwise, std::string doc) {
  return {.name = std::move(name),
          .type = T::Path,
          .default_value = std::move(otherwise),
          .doc = std::move(doc)};
}

Parameter number(std::string name,
                 nlohmann::json otherwise,
                 double min,
                 double max,
                 std::string unit,
                 std::string doc) {
  return {.name = std::move(name),
          .type = T::Int,
          .default_value = std::move(otherwise),
          .min = min,
          .max = max,
          .unit = std::move(unit),
          .doc = std::move(doc)};
}

Parameter quantity(
    std::string name, T type, nlohmann::json otherwise, double min, double max, std::string doc) {
  return {.name = std::move(name),
          .type = type,
          .default_value = std::move(otherwise),
          .min = min,
          .max = max,
          .doc = std::move(doc)};
}

Parameter choice(std::string name,
                 nlohmann::json otherwise,
                 std::vector<std::string> choices,
                 std::string doc) {
  return {.name = std::move(name),
          .type = T::Enum,
          .default_value = std::move(otherwise),
          .choices = std::move(choices),
          .doc = std::move(doc)};
}

Parameter flag(std::string name, bool otherwise, std::string doc) {
  return {
      .name = std::move(name), .type = T::Bool, .default_value = otherwise, .doc = std::move(doc)};
}

constexpr double kSecond = 1e9;
constexpr double kHour = 3600 * kSecond;
constexpr double kMiB = 1024.0 * 1024.0;
constexpr double kTiB = kMiB * kMiB;

Parameter required(Parameter parameter) {
  parameter.required = true;
  return parameter;
}

void add_top(std::vector<Key>& table) {
  const Scope s = Scope::Top;
  table.push_back(value(
      s, required(number("avrig", nullptr, 1, 1, "", "The version of this file's language."))));
  table.push_back(value(
      s, text("pipeline", "the file's name", "The pipeline's name, in logs and the run folder.")));
  table.push_back(
      shaped(s, Shape::ListOf, "stages", "The stages; one process each.", Scope::Stage));
  table.push_back(shaped(s,
                         Shape::Map,
                         "defaults",
                         "What every stage has that does not say otherwise.",
                         Scope::Defaults));
  table.push_back(
      shaped(s, Shape::MapOf, "groups", "Options of the sync groups, by name.", Scope::Group));
  table.push_back(value(
      s, path("run_dir", "avrig-runs in the working directory", "Holds the runs' dated folders.")));
  table.push_back(value(s,
                        quantity("memory_budget",
                                 T::Size,
                                 "2GiB",
                                 kMiB,
                                 kTiB,
                                 "The most shared memory that all rings together may take.")));
  table.push_back(value(s,
                        flag("offline",
                             false,
                             "Run by the files' own time, as fast as it goes, with no device; the "
                             "same as `--offline`.")));
  table.push_back(shaped(s, Shape::Map, "jack", "The JACK server of the run.", Scope::Jack));
  table.push_back(value(
      s, path("folder", "the file's folder", "What relative paths in this file count from.")));
}

/// What a stage and `defaults:` have in common.
void add_stage_options(std::vector<Key>& table, Scope s) {
  table.push_back(
      shaped(s, Shape::Outputs, "out", "Options of the outputs' rings.", Scope::Output));
  table.push_back(value(s,
                        choice("wait",
                               "adaptive",
                               {"block", "adaptive", "spin"},
                               "How the stage waits for frames: asleep, at most 100us spinning and "
                               "then asleep, or always spinning.")));
  table.push_back(value(s,
                        choice("unprocessed",
                               "drop live, pass offline",
                               {"pass", "drop"},
                               "What becomes of a frame that the processor did not process.")));
  table.push_back(
      shaped(s, Shape::Map, "restart", "What happens when the stage dies.", Scope::Restart));
  table.push_back(value(s,
                        quantity("hang_timeout",
                                 T::Duration,
                                 "5s",
                                 0,
                                 kHour,
                                 "A stage that stands still for longer, with a frame in hand or "
                                 "frames waiting for it, or stopped by a signal, hangs: it is "
                                 "killed and restarted. Offline 30s, where nothing is said. 0 = "
                                 "never.")));
  table.push_back(value(s,
                        number("nice",
                               0,
                               -20,
                               19,
                               "",
                               "The process's nice value. 0 = the launcher's; offline, a stage "
                               "then yields to those behind it.")));
  table.push_back(value(
      s, number("realtime", 0, 0, 95, "", "SCHED_FIFO priority of the stage; 0 = ordinary.")));
}

void add_stage(std::vector<Key>& table) {
  const Scope s = Scope::Stage;
  table.push_back(value(
      s, required(text("id", nullptr, "The stage's name: letters, digits, `_`, `-`; unique."))));
  table.push_back(value(
      s,
      text(
          "read", nullptr, "A reader: `media`, `./x.so` (`jack`, `camera`: in a later version).")));
  table.push_back(
      value(s, text("process", nullptr, "A processor: a built-in one's name or `./x.so`.")));
  table.push_back(value(s, text("sync", nullptr, "A gate of the sync group with this name.")));
  table.push_back(
      value(s, text("write", nullptr, "A writer: `jack`, `display`, `media`, `csv`, `./x.so`.")));
  table.push_back(value(
      s, text("class", nullptr, "Which one, where the library offers several under other names.")));
  table.push_back(shaped(s,
                         Shape::Inputs,
                         "in",
                         "The inputs: `stage`, `stage/port`, a list of them, or long forms.",
                         Scope::Input));
  table.push_back(shaped(
      s, Shape::Params, "with", "Parameters of the reader, plug-in or writer.", std::nullopt));
  Key trigger =
      shaped(s,
             Shape::Trigger,
             "trigger",
             "With several inputs, run on any of them, on all, or on frames whose capture "
             "times lie within a tolerance: `paired(20ms)`.",
             std::nullopt);
  trigger.parameter.default_value = "any";
  table.push_back(std::move(trigger));
  add_stage_options(table, s);
  Parameter cpu{.name = "cpu", .type = T::List, .default_value = nullptr, .min = 0, .max = 1023};
  cpu.doc = "The cores that the stage may run on. Stages are not pinned by default.";
  cpu.element = T::Int;
  table.push_back(value(s, std::move(cpu)));
}

void add_edges(std::vector<Key>& table) {
  table.push_back(value(Scope::Input, required(text("from", nullptr, "`stage` or `stage/port`."))));
  table.push_back(value(Scope::Input,
                        choice("loss",
                               "as strict as what follows; may_skip into a live display",
                               {"must", "may_skip"},
                               "Whether this input may miss frames.")));
  table.push_back(value(Scope::Input,
                        quantity("slack",
                                 T::Duration,
                                 "as the output says",
                                 0,
                                 kHour,
                                 "How far this input may lag behind a live source.")));
  table.push_back(value(Scope::Output,
                        number("depth", "the graph's choice", 4, 65536, "frames", "Descriptors.")));
  table.push_back(value(
      Scope::Output,
      quantity(
          "window", T::Size, "the graph's choice", 1, kTiB, "How many bytes may be in flight.")));
  table.push_back(value(Scope::Output,
                        quantity("slack",
                                 T::Duration,
                                 "2s",
                                 0,
                                 kHour,
                                 "How far a `must` follower may lag behind a live source.")));
  const Scope r = Scope::Restart;
  table.push_back(value(r,
                        number("max",
                               5,
                               0,
                               1000000,
                               "",
                               "Deaths within `window` that are forgiven; "
                               "0 = never restarted.")));
  table.push_back(value(
      r,
      quantity(
          "window", T::Duration, "1min", 1, 24 * kHour, "The time in which deaths are counted.")));
  table.push_back(value(r,
                        quantity("backoff",
                                 T::Duration,
                                 "100ms",
                                 0,
                                 kHour,
                                 "The pause before the second restart in a row, doubled with each "
                                 "more; the first is immediate.")));
}

void add_groups(std::vector<Key>& table) {
  const Scope g = Scope::Group;
  table.push_back(value(g,
                        choice("mode",
                               "live, or offline in an offline run",
                               {"live", "offline", "asap"},
                               "Present at capture + delay, by the file's time without waiting, or "
                               "as soon as a frame is there.")));
  table.push_back(value(g,
                        quantity("delay",
                                 T::Duration,
                                 "measured in pre-roll",
                                 0,
                                 kHour,
                                 "Between capture and presentation; see *Sync groups*.")));
  table.push_back(value(
      g,
      quantity("max_delay",
               T::Duration,
               "500ms",
               0,
               kHour,
               "A device's measured delay above this ends the run before anything is presented.")));
  table.push_back(
      value(g,
            quantity("max_unsynced",
                     T::Duration,
                     "10ms",
                     0,
                     kHour,
                     "asap: how far a stream may run ahead of another. live: what is presented "
                     "further from its due time is counted as `unsynced`.")));
  table.push_back(
      value(g,
            choice("end",
                   "all",
                   {"all", "any"},
                   "Whether the group ends with the last or the first of its streams.")));
  const Scope j = Scope::Jack;
  table.push_back(value(
      j, text("server", "$JACK_DEFAULT_SERVER, else default", "The name of the JACK server.")));
  table.push_back(value(j,
                        choice("start",
                               "auto",
                               {"auto", "never", "private"},
                               "Start a private server where none runs, never, or always.")));
  table.push_back(value(j, text("driver", "dummy", "The driver of a private server.")));
  table.push_back(value(
      j,
      quantity(
          "rate", T::Frequency, "48kHz", 8000, 768000, "The sample rate of a private server.")));
  table.push_back(
      value(j, number("period", 256, 16, 8192, "samples", "The period of a private server.")));
}

std::vector<Key> make_table() {
  std::vector<Key> table;
  add_top(table);
  add_stage(table);
  add_edges(table);
  add_stage_options(table, Scope::Defaults);
  add_groups(table);
  return table;
}

}  // namespace

std::span<const Key> key_table() {
  static const std::vector<Key> table = make_table();
  return table;
}

std::vector<const Key*> keys_of(Scope scope) {
  std::vector<const Key*> keys;
  for (const Key& key : key_table()) {
    if (key.scope == scope) {
      keys.push_back(&key);
    }
  }
  return keys;
}

const Key* find_key(Scope scope, std::string_view name) {
  for (const Key& key : key_table()) {
    if (key.scope == scope && key.parameter.name == name) {
      return &key;
    }
  }
  return nullptr;
}

}  // namespace avrig::spec
