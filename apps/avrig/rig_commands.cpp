// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "command.hpp"
#include "mix_client.hpp"
#include "rig_client.hpp"
#include <avrig/error.hpp>
#include <avrig/spec/override.hpp>

#include <cstdio>
#include <iostream>

namespace avrig::app {
namespace {

using nlohmann::json;

}  // namespace

int ps_command(const Command& command, const std::vector<std::string>& arguments) {
  CommandLine line(command);
  line.options()("json", "as JSON");
  if (!line.parse(arguments)) {
    return 0;
  }
  const std::vector<Rig> rigs = list_rigs();
  if (line.has("json")) {
    json list = json::array();
    for (const Rig& rig : rigs) {
      list.push_back(rig.status);
      list.back()["id"] = rig.id;
      list.back()["mixers"] = mixers_of(rig.status);
    }
    std::cout << list.dump(2) << "\n";
    return 0;
  }
  if (rigs.empty()) {
    std::cout << "no rig runs\n";
    return 0;
  }
  for (const Rig& rig : rigs) {
    std::printf("%-32s pid %-8lld %8.1f s  %zu stages  %s\n",
                rig.id.c_str(),
                static_cast<long long>(rig.status.value("pid", 0)),
                rig.status.value("seconds", 0.0),
                rig.status.at("stages").size(),
                rig.status.value("run_dir", "").c_str());
    for (const std::string& mixer : mixers_of(rig.status)) {
      std::printf("%-32s mixer %s\n", "", mixer.c_str());
    }
  }
  return 0;
}

int set_command(const Command& command, const std::vector<std::string>& arguments) {
  CommandLine line(command);
  line.positional("run", true);
  line.positional("change", true);
  if (!line.parse(arguments)) {
    return 0;
  }
  const spec::Override change = spec::parse_override(line.text("change"));
  const Rig rig = find_rig(line.text("run"));
  const Answer answer = ask_rig(rig,
                                {{"do", "set"},
                                 {"stage", change.stage},
                                 {"param", change.param},
                                 {"value", change.value},
                                 {"text", change.text}});
  std::cout << change.written << " from frame " << answer.json.at("sequence") << " on\n";
  return 0;
}

int mark_command(const Command& command, const std::vector<std::string>& arguments) {
  CommandLine line(command);
  line.positional("run", true);
  line.positional("text", true);
  if (!line.parse(arguments)) {
    return 0;
  }
  const Answer answer =
      ask_rig(find_rig(line.text("run")), {{"do", "mark"}, {"text", line.text("text")}});
  std::printf("marked at %.6f s\n",
              static_cast<double>(answer.json.at("since_start_ns").get<std::int64_t>()) * 1e-9);
  return 0;
}

int stop_command(const Command& command, const std::vector<std::string>& arguments) {
  CommandLine line(command);
  line.options()("now", "do not wait for frames under way");
  line.positional("run", true);
  if (!line.parse(arguments)) {
    return 0;
  }
  const Rig rig = find_rig(line.text("run"));
  (void)ask_rig(rig, {{"do", "stop"}, {"now", line.has("now")}});
  std::cout << rig.id << " is ending\n";
  return 0;
}

}  // namespace avrig::app
