// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "command.hpp"
#include "mix_client.hpp"
#include "rig_client.hpp"
#include <avrig/error.hpp>

#include <algorithm>
#include <iostream>

namespace avrig::app {
namespace {

using nlohmann::json;

// A word alone is a request without fields. A voice added from here stays when the command ends.
json request_of(const std::string& text) {
  json request = json::parse(text, nullptr, false);
  if (request.is_discarded() && text.find_first_of("{}[]\"") == std::string::npos) {
    request = {{"do", text}};
  }
  if (!request.is_object()) {
    throw Error(ErrorCode::Internal,
                "'" + text +
                    "' is no request, such as now, or '{\"do\": \"start\", \"voice\": "
                    "\"bell\"}'");
  }
  const std::string what = request.value("do", "");
  if ((what == "add" || what == "open_stream") && !request.contains("on_owner_exit")) {
    request["on_owner_exit"] = "keep";
  }
  return request;
}

}  // namespace

int mix_command(const Command& command, const std::vector<std::string>& arguments) {
  CommandLine line(command);
  line.options()("follow", "stay, and print all events until Ctrl-C");
  line.positional("run", true);
  // Everything behind the run's name is a request.
  const auto is_word = [](const std::string& one) {
    return one.rfind("--", 0) != 0;
  };
  std::vector<std::string> known;
  std::vector<std::string> requests;
  for (const std::string& one : arguments) {
    const bool first = std::none_of(known.begin(), known.end(), is_word);
    (is_word(one) && !first ? requests : known).push_back(one);
  }
  if (!line.parse(known)) {
    return 0;
  }
  if (requests.empty() && !line.has("follow")) {
    throw Error(ErrorCode::Internal, "mix needs a request, such as now (see docs/dipstream.md)");
  }
  MixClient client(find_mixer(line.text("run")));
  bool good = true;
  for (const std::string& text : requests) {
    const json answer = client.ask(request_of(text));
    std::cout << answer.dump() << std::endl;
    good = good && answer.value("ok", false);
  }
  if (line.has("follow")) {
    (void)client.ask({{"do", "subscribe"}, {"events", "all"}});
    for (;;) {
      std::cout << client.next_line() << std::endl;
    }
  }
  return good ? 0 : static_cast<int>(ErrorCode::Spec);
}

}  // namespace avrig::app
