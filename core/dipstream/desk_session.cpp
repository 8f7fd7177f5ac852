// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "desk_memory.hpp"
#include "desk_reply.hpp"
#include "fields.hpp"
#include <avrig/error.hpp>
#include <avrig/monotonic.hpp>

#include <array>
#include <sys/random.h>

// Clients that come back: after the writer's death, or their own connection's.

namespace avrig::dipstream {
namespace {

using nlohmann::json;

std::string make_token() {
  std::array<unsigned char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw Error(ErrorCode::Open, "the system gives no random numbers");
  }
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string token;
  for (const unsigned char byte : bytes) {
    token += kDigits[byte >> 4];
    token += kDigits[byte & 15];
  }
  return token;
}

}  // namespace

Desk::ClientId Desk::whose(ClientId connection) const {
  const auto found = speaks_for_.find(connection);
  return found == speaks_for_.end() ? connection : found->second;
}

void Desk::session(ClientId client, Fields& fields, const json& id, std::vector<UniqueFd>&) {
  fields.finish();
  const auto found = clients_.find(client);
  if (found == clients_.end()) {
    return;
  }
  if (found->second.token.empty()) {
    found->second.token = make_token();
    if (memory_) {
      memory_->note(Memory::kSession, {{"client", client}, {"token", found->second.token}});
    }
  }
  reply(client,
        id,
        {{"session", found->second.token}, {"survives", survives()}, {"seq", found->second.told}});
}

bool Desk::survives() const noexcept {
  return memory_ && !memory_->ended;
}

// The connection speaks for an earlier client from now on: its voices, its ids, its events.
void Desk::resume_session(ClientId client, Fields& fields, const json& id, std::vector<UniqueFd>&) {
  const std::string token = fields.text("session");
  const auto seen = static_cast<std::uint64_t>(fields.whole("seen", 0, 0, INT64_MAX));
  fields.finish();
  const auto found = std::find_if(clients_.begin(), clients_.end(), [&](const auto& entry) {
    return !token.empty() && entry.second.token == token;
  });
  const auto fresh = clients_.find(client);
  if (found == clients_.end() || found->first == client || fresh == clients_.end()) {
    throw Error(ErrorCode::Spec, "there is no such session (any more)");
  }
  Client& old = found->second;
  const ClientId before = found->first;
  old.send = std::move(fresh->second.send);
  old.connection = client;
  old.away_until_ns = 0;
  speaks_for_[client] = before;
  clients_.erase(fresh);
  const std::uint64_t have = old.last_events.size();
  const std::uint64_t first = old.told - have + 1;
  const std::uint64_t from = std::max(seen + 1, first);
  reply(before,
        id,
        {{"resumed", true}, {"seq", old.told}, {"lost", from > seen + 1 ? from - seen - 1 : 0}});
  for (std::uint64_t number = from; number <= old.told; ++number) {
    old.send(old.last_events[static_cast<std::size_t>(number - first)], -1);
  }
}

// A request that was made before: its answer once more, where there is or will be one.
bool Desk::answer_again(ClientId client, const json& id, bool shared) {
  const auto found = clients_.find(client);
  if (found == clients_.end() || id.is_null()) {
    return false;
  }
  const std::string key = id.dump();
  if (const auto answer = found->second.answers.find(key); answer != found->second.answers.end()) {
    int fd = -1;
    if (shared) {  // the memory comes with the answer
      const auto voice = voices_.find(json::parse(answer->second).value("voice", std::uint64_t{0}));
      fd = voice != voices_.end() && voice->second.memory ? voice->second.memory->fd() : -1;
    }
    if (found->second.send) {
      found->second.send(answer->second, fd);
    }
    return true;
  }
  for (const auto& [request, pending] : pending_) {
    if (pending.reply->client == client && pending.reply->id == id) {
      return true;
    }
  }
  return false;
}

// Those of a dead writer's clients who did not come back have gone with it.
void Desk::let_go_of_the_lost() {
  if (!restored_) {
    return;
  }
  const std::int64_t now_ns = monotonic_ns();
  for (auto at = clients_.begin(); at != clients_.end();) {
    const ClientId client = at->first;
    const bool lost = at->second.away_until_ns != 0 && now_ns >= at->second.away_until_ns;
    ++at;
    if (lost) {
      leave(client);
    }
  }
}

}  // namespace avrig::dipstream
