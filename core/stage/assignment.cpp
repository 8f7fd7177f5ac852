// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/stage/assignment.hpp>

#include <nlohmann/json.hpp>

namespace avrig::stage {

using nlohmann::json;

static void to_json(json& out, const AssignedInput& value) {
  out = {{"port", value.port},
         {"from", value.from},
         {"ring", value.ring},
         {"participant", value.participant},
         {"part", value.part},
         {"loss", value.loss},
         {"pools", value.pools}};
}
static void from_json(const json& in, AssignedInput& value) {
  in.at("port").get_to(value.port);
  in.at("from").get_to(value.from);
  in.at("ring").get_to(value.ring);
  in.at("participant").get_to(value.participant);
  in.at("part").get_to(value.part);
  in.at("loss").get_to(value.loss);
  in.at("pools").get_to(value.pools);
}

static void to_json(json& out, const AssignedOutput& value) {
  out = {
      {"port", value.port}, {"ring", value.ring}, {"edited", value.edited}, {"bell", value.bell}};
}
static void from_json(const json& in, AssignedOutput& value) {
  in.at("port").get_to(value.port);
  in.at("ring").get_to(value.ring);
  in.at("edited").get_to(value.edited);
  in.at("bell").get_to(value.bell);
}

void to_json(json& out, const Assignment& value) {
  out = {{"stage", value.stage},
         {"id", value.id},
         {"bell", value.bell},
         {"wait", value.wait},
         {"live", value.live},
         {"offline", value.offline},
         {"unprocessed_pass", value.unprocessed_pass},
         {"generation", value.generation},
         {"started_ns", value.started_ns},
         {"run_dir", value.run_dir},
         {"inputs", value.inputs},
         {"outputs", value.outputs},
         {"quarantined", value.quarantined},
         {"sync_group", value.sync_group},
         {"sync_section", value.sync_section},
         {"words", value.words},
         {"rings", value.rings}};
}
void from_json(const json& in, Assignment& value) {
  in.at("stage").get_to(value.stage);
  in.at("id").get_to(value.id);
  in.at("bell").get_to(value.bell);
  in.at("wait").get_to(value.wait);
  in.at("live").get_to(value.live);
  in.at("offline").get_to(value.offline);
  in.at("unprocessed_pass").get_to(value.unprocessed_pass);
  in.at("generation").get_to(value.generation);
  in.at("started_ns").get_to(value.started_ns);
  in.at("run_dir").get_to(value.run_dir);
  in.at("inputs").get_to(value.inputs);
  in.at("outputs").get_to(value.outputs);
  in.at("quarantined").get_to(value.quarantined);
  in.at("sync_group").get_to(value.sync_group);
  in.at("sync_section").get_to(value.sync_section);
  in.at("words").get_to(value.words);
  in.at("rings").get_to(value.rings);
}

}  // namespace avrig::stage
