// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "mixer_terms.hpp"

#include <avrig/error.hpp>
#include <avrig/mixer/bus_layout.hpp>
#include <avrig/spec/quantity.hpp>

#include <algorithm>
#include <filesystem>
#include <set>

namespace avrig::jack_writer {
namespace {

using nlohmann::json;

/// One mapping of the file, translated key by key; what is wrong is collected.
class Entry {
 public:
  Entry(std::string where, const json& from, std::vector<std::string>& problems)
      : where_(std::move(where)), from_(from), problems_(problems) {
    if (!from.is_object()) {
      problem("is a mapping, such as {path: bell.wav}");
    }
  }

  [[nodiscard]] const json* find(const char* name) {
    known_.push_back(name);
    const auto found = from_.is_object() ? from_.find(name) : from_.end();
    return found == from_.end() || found->is_null() ? nullptr : &*found;
  }
  void copy(const char* name, json::value_t type, const char* wanted, json& to) {
    const json* value = find(name);
    if (value == nullptr) {
      return;
    }
    const bool whole = type == json::value_t::number_integer && value->is_number_integer();
    const bool real = type == json::value_t::number_float && value->is_number();
    if (value->type() == type || whole || real) {
      to[name] = *value;
    } else {
      problem(std::string("'") + name + "' is " + wanted + ", not " + value->dump());
    }
  }
  /// "20ms" as seconds.
  void seconds(const char* name, json& to, const char* as = nullptr) {
    if (const json* value = find(name)) {
      const std::string text = value->is_string() ? value->get<std::string>() : value->dump();
      const bool minus = !text.empty() && text[0] == '-';
      const auto parsed = spec::parse_duration_ns(minus ? text.substr(1) : text);
      if (parsed.value) {
        to[as == nullptr ? name : as] = static_cast<double>(*parsed.value) * (minus ? -1e-9 : 1e-9);
      } else {
        problem(std::string("'") + name + "' " + parsed.error + hint(parsed.suggestion));
      }
    }
  }
  /// "-6dB" as a number.
  void level(const char* name, json& to) {
    if (const json* value = find(name)) {
      const auto parsed =
          spec::parse_level_db(value->is_string() ? value->get<std::string>() : value->dump());
      if (parsed.value) {
        to["gain_db"] = *parsed.value;
      } else {
        problem(std::string("'") + name + "' " + parsed.error + hint(parsed.suggestion));
      }
    }
  }
  void finish() {
    if (!from_.is_object()) {
      return;
    }
    for (const auto& [name, value] : from_.items()) {
      if (std::find(known_.begin(), known_.end(), name) == known_.end()) {
        std::string all;
        for (const std::string& one : known_) {
          all += (all.empty() ? "" : ", ") + one;
        }
        problem("has no '" + name + "'; there are: " + all);
      }
    }
  }
  void problem(const std::string& what) { problems_.push_back(where_ + " " + what); }

 private:
  static std::string hint(const std::string& suggestion) {
    return suggestion.empty() ? "" : " (" + suggestion + ")";
  }

  std::string where_;
  const json& from_;
  std::vector<std::string>& problems_;
  std::vector<std::string> known_;
};

constexpr auto kText = json::value_t::string;
constexpr auto kFlag = json::value_t::boolean;
constexpr auto kWhole = json::value_t::number_integer;
constexpr auto kReal = json::value_t::number_float;

void read_buses(const json& from,
                MixerTerms& terms,
                std::set<std::string>& buses,
                std::vector<std::string>& problems) {
  for (const auto& [name, settings] : from.items()) {
    json request = {{"do", "bus"}, {"name", name}};
    Entry entry("bus '" + name + "'", settings, problems);
    entry.level("gain", request);
    entry.copy("mute", kFlag, "true or false", request);
    entry.copy("solo", kFlag, "true or false", request);
    entry.copy("send_to", kText, "a bus", request);
    entry.finish();
    if (buses.insert(name).second) {
      request["add"] = true;
    }
    if (request.size() > 2) {
      terms.buses.push_back(request);
    }
  }
  for (const json& request : terms.buses) {
    const std::string parent = request.value("send_to", "Master");
    if (buses.count(parent) == 0) {
      problems.push_back("bus '" + request.at("name").get<std::string>() + "' sends to '" + parent +
                         "', which does not exist");
    }
  }
}

void read_sources(const json& from,
                  const std::string& folder,
                  MixerTerms& terms,
                  const std::set<std::string>& buses,
                  std::set<std::string>& voices,
                  std::vector<std::string>& problems) {
  for (const auto& [name, settings] : from.items()) {
    json request = {{"do", "add"}, {"name", name}, {"on_owner_exit", "keep"}};
    Entry entry("source '" + name + "'", settings, problems);
    entry.copy("path", kText, "a file", request);
    entry.copy("channels", json::value_t::array, "a list of output channels", request);
    entry.copy("bus", kText, "a bus", request);
    entry.copy("pan", kReal, "a number from -1 to 1", request);
    entry.copy("pitch", kReal, "a number from 0.1 up", request);
    entry.copy("strict", kFlag, "true or false", request);
    entry.copy("quality", kText, "linear, cubic or sinc", request);
    entry.copy("pan_law", kText, "balance or constant_power", request);
    entry.copy("on_gap", kText, "keep_timeline or keep_content", request);
    entry.level("gain", request);
    entry.finish();
    if (!request.contains("path")) {
      entry.problem("needs a 'path'");
    } else {
      const std::filesystem::path path(request["path"].get<std::string>());
      const auto whole = path.is_absolute() ? path : std::filesystem::path(folder) / path;
      request["path"] = whole.lexically_normal().string();
      std::error_code failed;
      if (!std::filesystem::exists(whole, failed)) {
        entry.problem("cannot be read: there is no file " + request["path"].get<std::string>());
      }
    }
    if (buses.count(request.value("bus", "Master")) == 0) {
      entry.problem("goes to a bus '" + request.value("bus", "") + "' that does not exist");
    }
    if (name == "pipeline" || name.empty()) {
      entry.problem("cannot have that name: it is the pipeline's own sound");
    }
    voices.insert(name);
    terms.sources.push_back(request);
  }
}

void read_when(Entry& entry, const std::set<std::string>& voices, json& request) {
  entry.seconds("at", request);
  entry.seconds("offset", request);
  for (const char* anchor : {"with_start", "with_end"}) {
    entry.copy(anchor, kText, "a source", request);
    if (request.contains(anchor) && voices.count(request[anchor].get<std::string>()) == 0) {
      entry.problem("waits for '" + request[anchor].get<std::string>() + "', which is no source");
    }
  }
  const int ways = static_cast<int>(request.contains("at")) +
                   static_cast<int>(request.contains("with_start")) +
                   static_cast<int>(request.contains("with_end"));
  if (ways != 1) {
    entry.problem("needs exactly one of at, with_start, with_end");
  } else if (request.contains("at") && request.contains("offset")) {
    entry.problem("has an offset, which goes with with_start or with_end");
  }
}

void read_cue(const std::string& where,
              const json& from,
              MixerTerms& terms,
              const std::set<std::string>& voices,
              std::vector<std::string>& problems) {
  Entry entry(where, from, problems);
  json request;
  std::string what;
  for (const char* verb : {"start", "stop", "pause", "resume", "set"}) {
    if (const json* voice = entry.find(verb)) {
      const std::string name = voice->is_string() ? voice->get<std::string>() : voice->dump();
      if (!what.empty()) {
        entry.problem("does one thing: '" + what + "' or '" + verb + "'");
      }
      what = verb;
      request["do"] = verb;
      request["voice"] = name;
      const bool pipeline = name == "pipeline" && what == "set";
      if (!pipeline && voices.count(name) == 0) {
        entry.problem("names '" + name + "', which is no source");
      }
    }
  }
  if (what.empty()) {
    entry.problem("needs one of start, stop, pause, resume, set");
  }
  read_when(entry, voices, request);
  if (what == "start") {
    if (const json* loop = entry.find("loop")) {
      request["loop"] = *loop;
    }
    if (const json* mark = entry.find("mark")) {
      request["mark"] = *mark;
    }
    entry.copy("starting_idx", kWhole, "a sample's index", request);
    entry.copy("late", kText, "play, skip or drop", request);
  }
  if (what == "set") {
    entry.level("gain", request);
    entry.copy("pan", kReal, "a number from -1 to 1", request);
    entry.copy("pitch", kReal, "a number from 0.1 up", request);
    entry.copy("ramp", kWhole, "a number of samples", request);
  } else {
    entry.seconds("fade", request);
  }
  entry.finish();
  terms.cues.push_back(request);
}

}  // namespace

MixerTerms read_terms(const json& with, const std::string& folder) {
  MixerTerms terms;
  std::vector<std::string> problems;
  std::set<std::string> buses;
  const mixer::BusLayout standard = mixer::BusLayout::standard();
  for (const mixer::BusInfo& bus : standard.buses()) {
    buses.insert(bus.name);
  }
  const json nothing;
  const auto part = [&](const char* name, json::value_t type, const char* wanted) -> const json& {
    const auto found = with.find(name);
    if (found == with.end() || found->is_null() || *found == "") {
      return nothing;
    }
    if (found->type() != type) {
      problems.push_back(std::string("'") + name + "' is " + wanted);
      return nothing;
    }
    return *found;
  };
  read_buses(
      part("buses", json::value_t::object, "a mapping of bus names"), terms, buses, problems);
  std::set<std::string> voices;
  read_sources(part("sources", json::value_t::object, "a mapping of names to files"),
               folder,
               terms,
               buses,
               voices,
               problems);
  int number = 0;
  for (const json& cue : part("cues", json::value_t::array, "a list")) {
    read_cue("cue " + std::to_string(++number), cue, terms, voices, problems);
  }
  if (const std::string bus = with.value("bus", "Master"); buses.count(bus) == 0) {
    problems.push_back("there is no bus '" + bus + "' for the pipeline's sound");
  }
  if (!problems.empty()) {
    std::string all;
    for (const std::string& one : problems) {
      all += (all.empty() ? "" : "; ") + one;
    }
    throw Error(ErrorCode::Spec, all);
  }
  return terms;
}

}  // namespace avrig::jack_writer
