// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/spec/keys.hpp>
#include <avrig/spec/parse.hpp>

#include <fstream>
#include <iterator>
#include <set>

#include <doctest/doctest.h>

using namespace avrig::spec;
using nlohmann::json;

namespace {

std::string read_text(const std::string& path) {
  std::ifstream stream(path);
  REQUIRE_MESSAGE(stream, path);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

TEST_SUITE("core/spec/keys") {
  TEST_CASE("keys: each has a name of its own in its map, and a sentence") {
    std::set<std::pair<Scope, std::string>> seen;
    for (const Key& key : key_table()) {
      INFO(key.parameter.name);
      CHECK(seen.emplace(key.scope, key.parameter.name).second);
      CHECK_FALSE(key.parameter.doc.empty());
      CHECK(find_key(key.scope, key.parameter.name) == &key);
    }
    CHECK(find_key(Scope::Top, "id") == nullptr);
  }

  TEST_CASE("keys: a documented default of a quantity, number or word is a value of its key") {
    for (const Key& key : key_table()) {
      const Parameter& parameter = key.parameter;
      const bool checkable = key.shape == Shape::Value && parameter.type != ParameterType::Enum &&
                             !parameter.default_value.is_null();
      const bool prose = parameter.default_value.is_string() &&
                         parameter.default_value.get<std::string>().find(' ') != std::string::npos;
      if (checkable && !prose) {
        const CheckedValue sut = check_value(parameter, parameter.default_value, {}, "/rig");
        INFO(parameter.name << ": " << sut.error);
        CHECK(sut.ok());
      }
    }
  }

  TEST_CASE("keys: the documented defaults are those of the spec") {
    const auto canonical = [](Scope scope, const char* name) {
      const Parameter& parameter = find_key(scope, name)->parameter;
      return check_value(parameter, parameter.default_value, {}, "").value;
    };
    const PipelineSpec pipeline;
    const StageSpec stage;
    const GroupSpec group;
    const RestartPolicy restart;
    CHECK(canonical(Scope::Top, "memory_budget") == pipeline.memory_budget_bytes);
    CHECK(canonical(Scope::Top, "offline") == pipeline.offline);
    CHECK(canonical(Scope::Jack, "start") == to_string(pipeline.jack.start));
    CHECK(canonical(Scope::Jack, "driver") == pipeline.jack.driver);
    CHECK(canonical(Scope::Jack, "rate") == pipeline.jack.rate_hz);
    CHECK(canonical(Scope::Jack, "period") == pipeline.jack.period_samples);
    CHECK(canonical(Scope::Group, "max_delay") == group.max_delay_ns);
    CHECK(canonical(Scope::Group, "max_unsynced") == group.max_unsynced_ns);
    CHECK(canonical(Scope::Group, "end") == to_string(group.end));
    CHECK(canonical(Scope::Restart, "max") == restart.max);
    CHECK(canonical(Scope::Restart, "window") == restart.window_ns);
    CHECK(canonical(Scope::Restart, "backoff") == restart.backoff_ns);
    for (const Scope scope : {Scope::Stage, Scope::Defaults}) {
      CHECK(canonical(scope, "wait") == to_string(stage.wait));
      CHECK(canonical(scope, "hang_timeout") == stage.hang_timeout_ns);
      CHECK(canonical(scope, "nice") == stage.nice);
      CHECK(canonical(scope, "realtime") == stage.realtime);
    }
    CHECK(find_key(Scope::Stage, "trigger")->parameter.default_value ==
          to_string(stage.trigger.kind));
  }

  TEST_CASE("schema: it is JSON with every key of the language, each described") {
    const json sut = json::parse(schema());
    CHECK(sut["$schema"] == "https://json-schema.org/draft/2020-12/schema");
    CHECK(sut["additionalProperties"] == false);
    CHECK(sut["required"] == json{"avrig", "stages"});
    const std::vector<std::pair<Scope, const char*>> places{{Scope::Top, ""},
                                                            {Scope::Stage, "stage"},
                                                            {Scope::Input, "input"},
                                                            {Scope::Output, "output"},
                                                            {Scope::Restart, "restart"},
                                                            {Scope::Defaults, "defaults"},
                                                            {Scope::Group, "group"},
                                                            {Scope::Jack, "jack"}};
    for (const auto& [scope, definition] : places) {
      const json& map = *definition == '\0' ? sut : sut["$defs"][definition];
      CHECK(map["properties"].size() == keys_of(scope).size());
      for (const Key* key : keys_of(scope)) {
        CHECK(map["properties"][key->parameter.name]["description"] == key->parameter.doc);
      }
    }
    CHECK(sut["$defs"]["stage"]["oneOf"].size() == 4);
    CHECK(sut["$defs"]["group"]["properties"]["max_delay"]["default"] == "500ms");
  }

  TEST_CASE("docs: the tables of pipeline-spec.md are those of the key table") {
    const std::string page = read_text(AVRIG_SOURCE_DIR "/docs/pipeline-spec.md");
    CHECK_MESSAGE(page.find(key_tables_markdown()) != std::string::npos,
                  "put this into docs/pipeline-spec.md, under '## Keys':\n"
                      << key_tables_markdown());
  }

  TEST_CASE("docs: the pipelines shown in pipeline-spec.md are good ones") {
    const std::string page = read_text(AVRIG_SOURCE_DIR "/docs/pipeline-spec.md");
    int shown = 0;
    for (std::size_t at = page.find("```yaml\n"); at != std::string::npos;
         at = page.find("```yaml\n", at + 1)) {
      const std::size_t begin = at + 8;
      const std::string text = page.substr(begin, page.find("```", begin) - begin);
      if (text.rfind("avrig:", 0) == 0) {
        const ParseResult sut = parse_text(text, "pipeline-spec.md", "/rig");
        CHECK_MESSAGE(sut.problems.empty(), sut.rendered());
        ++shown;
      }
    }
    CHECK(shown >= 2);
  }
}
