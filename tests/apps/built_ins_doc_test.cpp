// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/launch/inspect.hpp>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

using namespace avrig;
using nlohmann::json;

namespace {

std::string read_text(const std::string& path) {
  std::ifstream stream(path);
  REQUIRE_MESSAGE(stream, path);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// A row of docs/pipeline-spec.md, from what the program itself says of the parameter.
std::string row_of(const json& parameter) {
  const auto text = [&](const char* key) {
    return parameter.value(key, "");
  };
  std::string what = text("doc");
  if (!text("choices").empty()) {
    what += "; one of " + text("choices");
  }
  if (!text("minimum").empty() || !text("maximum").empty()) {
    what += "; " + text("minimum") + " .. " + text("maximum");
  }
  if (parameter.value("live", false)) {
    what += "; live";
  }
  const std::string standard = parameter.value("required", false) ? "(required)" : text("default");
  return "| `" + text("name") + "` | " + text("type") + " | " + standard + " | " + what + " |\n";
}

std::string table_of(const std::string& name) {
  const json found = launch::inspect_built_in(name);
  std::string table = "| parameter | type | default | what it is |\n|---|---|---|---|\n";
  for (const json& parameter : found.at("components").at(0).at("parameters")) {
    table += row_of(parameter);
  }
  return table;
}

}  // namespace

TEST_SUITE("apps/built-ins") {
  TEST_CASE("docs: the tables of built-in readers and writers are what the programs take") {
    ::setenv("AVRIG_PROGRAM_DIR", PROGRAMS, 1);
    const std::string manual = read_text(MANUAL);
    for (const std::string name :
         {"read:media", "write:media", "write:jack", "write:display", "write:csv"}) {
      const std::string heading =
          "### " + name.substr(0, name.find(':')) + ": " + name.substr(name.find(':') + 1) + "\n\n";
      const std::size_t begin = manual.find(heading);
      REQUIRE_MESSAGE(begin != std::string::npos, heading);
      const std::string table = table_of(name);
      CHECK_MESSAGE(manual.compare(begin + heading.size(), table.size(), table) == 0,
                    "docs/pipeline-spec.md should say:\n",
                    heading,
                    table);
      const char after = manual[begin + heading.size() + table.size()];
      CHECK_MESSAGE(after == '\n', name, ": the table has rows that the program does not know");
    }
  }

  TEST_CASE("inspect: a reader or writer that there is not is an error with the right names") {
    ::setenv("AVRIG_PROGRAM_DIR", PROGRAMS, 1);
    CHECK_THROWS_WITH_AS(
        (void)launch::inspect_built_in("write:dispaly"), doctest::Contains("display"), Error);
    CHECK(launch::is_built_in("read:media"));
    CHECK_FALSE(launch::is_built_in("./read.so"));
    CHECK(launch::describe_plugin(launch::inspect_built_in("write:csv")).find("with url: path") !=
          std::string::npos);
  }
}
