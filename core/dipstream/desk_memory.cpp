// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include "desk_memory.hpp"

#include "desk_reply.hpp"
#include <avrig/error.hpp>
#include <avrig/monotonic.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <fcntl.h>
#include <set>

// What outlives a desk: written down here, and read again by its successor.

namespace avrig::dipstream {
namespace {

using mixer::Event;
using mixer::EventKind;
using nlohmann::json;

// Owners who do not come back within this time have gone with the old writer.
constexpr std::int64_t kComeBackNs = 10'000'000'000;

json json_in(std::span<const std::byte> bytes) {
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  return json::parse(text, text + bytes.size(), nullptr, false);
}

}  // namespace

bool Desk::Memory::is_ours(std::string_view name) noexcept {
  static constexpr std::array<std::string_view, 7> kBegin{
      "mixer-log.", "mixer-place", kStateName, "desk-log.", "sound-", "stream-", "queue-"};
  return std::any_of(kBegin.begin(), kBegin.end(), [&](std::string_view begin) {
    return name.substr(0, begin.size()) == begin;
  });
}

// Writing ---------------------------------------------------------------------------------------

void Desk::Memory::append(Kind kind, std::span<const std::byte> bytes) {
  if (ended || journal.append(kind, bytes)) {
    return;
  }
  journal.supply();
  if (!journal.append(kind, bytes)) {
    throw Error(ErrorCode::Spec, "this request is too long to be kept");
  }
}

UniqueFd Desk::Memory::copy_of(const std::string& name) const {
  const auto found = keeper->kept().find(name);
  return UniqueFd(found == keeper->kept().end() ? -1
                                                : ::fcntl(found->second.get(), F_DUPFD_CLOEXEC, 0));
}

void Desk::Memory::note(Kind kind, const json& record) {
  const std::string text = record.dump(-1, ' ', false, json::error_handler_t::replace);
  append(kind, std::as_bytes(std::span(text)));
}

void Desk::Memory::note(const Event& event) {
  ++told[identity_of(event)];
  append(kEvent, std::as_bytes(std::span(&event, 1)));
}

void Desk::Memory::note(const OutputClock& last, std::int64_t end) {
  std::array<std::byte, sizeof last + sizeof end> bytes{};
  std::memcpy(bytes.data(), &last, sizeof last);
  std::memcpy(bytes.data() + sizeof last, &end, sizeof end);
  append(kStretch, bytes);
}

Desk::Memory::Identity Desk::Memory::identity_of(const Event& event) {
  // When a removal is told depends on when somebody looked.
  const bool whenever = event.kind == EventKind::Removed;
  return {event.kind, event.voice, event.play, event.request, whenever ? 0 : event.sample};
}

void Desk::note_voice(mixer::VoiceId id, const Voice& voice) {
  if (!memory_) {
    return;
  }
  json record = {{"voice", id},
                 {"owner", voice.owner},
                 {"name", voice.name},
                 {"source", voice.source},
                 {"length", voice.length},
                 {"channels", voice.channels},
                 {"bus", voice.bus},
                 {"on_exit", static_cast<int>(voice.on_exit)}};
  if (voice.memory) {
    record["stream"] = sources_[voice.source].kept = keep_memory(voice.memory->fd(), "stream-");
    record["format"] = static_cast<int>(voice.stream.format);
    record["capacity"] = voice.stream.capacity;
  } else {
    Source& source = sources_[voice.source];
    if (source.kept.empty()) {
      source.kept = keep_memory(source.sound->fd(), "sound-");
    }
    record["sound"] = source.kept;
    record["format"] = static_cast<int>(source.sound->view().format);
    record["stride"] = source.sound->view().stride_bytes;
    record["peak"] = source.sound->view().peak;
  }
  memory_->note(Memory::kVoice, record);
  memory_->voices[id] = std::move(record);
}

std::string Desk::keep_memory(int fd, const char* kind) {
  const std::string name = kind + std::to_string(memory_->next_memory++);
  if (!memory_->keeper->keep(name, fd)) {
    throw Error(ErrorCode::Open, "nobody keeps the memory of this sound: the rig is ending");
  }
  return name;
}

void Desk::note_buses() {
  if (memory_) {
    memory_->note(Memory::kBuses, buses_as_json());
  }
}

json Desk::buses_as_json() const {
  json list = json::array();
  for (const mixer::BusInfo& bus : layout_.buses()) {
    list.push_back({{"name", bus.name},
                    {"gain_db", bus.gain_db},
                    {"mute", bus.mute},
                    {"solo", bus.solo},
                    {"send_to", bus.send_to}});
  }
  return list;
}

void Desk::set_latency(std::int64_t samples) {
  if (samples != latency_ && memory_) {
    memory_->note(Memory::kLatency, {{"samples", samples}});
  }
  latency_ = samples;
}

// Of another rate, or with other outputs, nobody can go on with it.
json Desk::shape() const {
  return {{"rate", rate_hz_},
          {"outputs", host_->engine().config().outputs},
          {"live", host_->live_channels()}};
}

void Desk::note_ready() {
  if (memory_) {
    memory_->note(Memory::kReady, shape());
    memory_->ready = true;
  }
}

// Reading ---------------------------------------------------------------------------------------

// What its records say, one after the other; then the engine's own log says what came of it.
bool Desk::go_on() {
  json state;
  try {
    state = memory_->recall();
  } catch (const Error&) {
    return false;  // what an avrig of another version leaves is as if it had left nothing
  }
  bool& ready = memory_->ready;
  ready = !state.is_null() && state.at("shape") == shape();
  memory_->journal.for_each(memory_->beginning, [&](const shm::LogChunk::Record& record) {
    ready = ready ||
            (state.is_null() && record.kind == Memory::kReady && json_in(record.bytes) == shape());
    return true;
  });
  if (!ready) {
    return false;
  }
  host_->recall(memory_->timeline);
  (void)host_->clock(newest_);
  restoring_ = true;
  if (!state.is_null()) {
    become(state);
  }
  read_journal();
  find_free_places();
  memory_->expected = memory_->told;
  host_->replay(memory_->timeline,
                memory_->standpoint,
                {[this](std::span<const mixer::Command> batch) { lend_again(batch); },
                 [this](mixer::VoiceId voice, std::uint32_t) { lend_voice(voice); },
                 [this] {
                   hear_again();
                 }});
  forget_unsent();
  forget_orphans();
  memory_->expected.clear();
  restoring_ = false;
  const std::int64_t deadline_ns = monotonic_ns() + kComeBackNs;
  for (auto& [id, client] : clients_) {
    next_client_ = std::max(next_client_, id + 1);
    client.away_until_ns = id == kHost ? 0 : deadline_ns;
  }
  return true;
}

void Desk::read_journal() {
  memory_->journal.for_each(memory_->beginning, [&](const shm::LogChunk::Record& record) {
    if (record.kind == Memory::kEvent) {
      Event event;
      if (record.bytes.size() == sizeof event) {
        std::memcpy(static_cast<void*>(&event), record.bytes.data(), sizeof event);
        ++memory_->told[Memory::identity_of(event)];
        deal_with(event);
      }
    } else if (record.kind == Memory::kStretch) {
      OutputClock last;
      std::int64_t end = 0;
      if (record.bytes.size() == sizeof last + sizeof end) {
        std::memcpy(&last, record.bytes.data(), sizeof last);
        std::memcpy(&end, record.bytes.data() + sizeof last, sizeof end);
        end_stretch(last, end);
      }
    } else {
      read_again(record.kind, json_in(record.bytes));
    }
    return true;
  });
}

void Desk::read_again(std::uint32_t kind, const json& record) {
  switch (kind) {
    case Memory::kSession:
      clients_[record.at("client")].token = record.at("token");
      break;
    case Memory::kSubscribed:
      clients_[record.at("client")].events = record.at("events").get<Subscription>();
      break;
    case Memory::kVoice:
      read_voice(record);
      break;
    case Memory::kSent:
      read_sent(record);
      break;
    case Memory::kBuses:
      read_buses(record);
      break;
    case Memory::kLatency:
      latency_ = record.at("samples");
      break;
    case Memory::kQueue: {
      const std::uint16_t number = record.at("queue");
      clients_[record.at("client")].queues.push_back(number);
      break;
    }
    case Memory::kDevice:
      set_device(record.at("runs"));
      break;
    case Memory::kLeft:
      leave(record.at("client"));
      break;
    case Memory::kHeard:
      if (record.at("freewheel").get<bool>()) {
        ledger_.doubt(INT64_MIN, record.at("sample"));
      }
      for (const Event& certain : ledger_.heard(record.at("sample"))) {
        publish(certain);
      }
      break;
    default:
      break;
  }
}

// In their order, which gives them their numbers.
void Desk::read_buses(const json& record) {
  layout_ = mixer::BusLayout();
  for (const json& bus : record) {
    const std::string name = bus.at("name");
    if (name == "Master") {
      (void)layout_.set_gain(name, bus.at("gain_db"));
    } else {
      (void)layout_.add(name, bus.at("gain_db"));
    }
  }
  for (const json& bus : record) {
    const std::string name = bus.at("name");
    const std::string parent = bus.at("send_to");
    if (name != "Master" && parent != "Master" && !parent.empty()) {
      (void)layout_.set_send_to(name, parent);
    }
    (void)layout_.set_mute(name, bus.at("mute"));
    (void)layout_.set_solo(name, bus.at("solo"));
  }
}

void Desk::read_voice(const json& record) {
  const mixer::VoiceId id = record.at("voice");
  memory_->voices[id] = record;
  Voice voice;
  voice.owner = record.at("owner");
  voice.name = record.at("name");
  voice.source = record.at("source");
  voice.length = record.at("length");
  voice.channels = record.at("channels");
  voice.bus = record.at("bus");
  voice.on_exit = static_cast<OnExit>(record.at("on_exit").get<int>());
  if (voice.owner != 0) {
    clients_[voice.owner];
  }
  const std::string kept = record.value("sound", record.value("stream", std::string()));
  const std::size_t dash = kept.find('-');
  if (dash != std::string::npos) {
    memory_->next_memory = std::max<std::uint64_t>(
        memory_->next_memory, std::strtoull(kept.c_str() + dash + 1, nullptr, 10) + 1);
  }
  const std::uint32_t slot = mixer::slot_of(id);
  if (slot >= generations_.size()) {
    generations_.resize(slot + 1, 0);
  }
  generations_[slot] = std::max(generations_[slot], mixer::generation_of(id));
  std::erase(free_slots_, slot);
  if (voice.source >= sources_.size()) {
    sources_.resize(voice.source + 1);
  }
  Source& source = sources_[voice.source];
  ++source.voices;
  source.kept = kept;
  if (!voice.name.empty()) {
    names_[voice.name] = id;
  }
  voices_[id] = std::move(voice);
}

void Desk::read_sent(const json& record) {
  const ClientId client = record.at("client");
  auto reply = std::make_shared<Reply>();
  *reply = {client,
            record.at("id"),
            json::array(),
            record.at("more"),
            0,
            record.at("batch").get<bool>(),
            "",
            {}};
  const std::string key = reply->id.dump();
  for (const json& one : record.at("requests")) {
    const std::uint64_t request = one.at(0);
    const mixer::VoiceId voice = one.at(1);
    pending_[request] = {
        reply, reply->results.size(), voice, static_cast<mixer::CommandKind>(one.at(2).get<int>())};
    reply->results.push_back(json::object());
    ++reply->remaining;
    origins_[request] = {client, key};
    next_request_ = std::max(next_request_, request + 1);
    if (!reply->id.is_null() && one.at(3).get<bool>()) {
      remember_id(clients_[client], key, {request, voice});
    }
  }
}

void Desk::find_free_places() {
  // In the order in which they were given back: the next voices get the numbers that they would
  // have had, and so are added up in the same order.
  const std::set<std::uint32_t> known(free_slots_.begin(), free_slots_.end());
  for (std::uint32_t slot = 1; slot < generations_.size(); ++slot) {
    if (voices_.count(mixer::make_voice(slot, generations_[slot])) == 0 && known.count(slot) == 0) {
      free_slots_.push_back(slot);
    }
  }
  free_sources_.clear();
  later_.clear();
  for (std::uint32_t number = 1; number < sources_.size(); ++number) {
    if (sources_[number].voices == 0) {
      free_sources_.push_back(number);
    }
  }
  while (voice_room_ < generations_.size()) {
    voice_room_ *= 2;
  }
  while (source_room_ < sources_.size()) {
    source_room_ *= 2;
  }
  host_->engine().reserve(voice_room_, 8 * voice_room_, source_room_);
}

// What the predecessor dealt with is known; the rest happened, and nobody was told.
void Desk::hear_again() {
  Event event;
  while (host_->engine().next_event(event)) {
    const auto known = memory_->expected.find(Memory::identity_of(event));
    if (known != memory_->expected.end() && known->second > 0) {
      --known->second;
      continue;
    }
    event.flags &= ~std::uint32_t{mixer::kEventReplayed};
    restoring_ = false;
    on_event(event);
    restoring_ = true;
  }
}

// Sounds and streams of nobody: whoever gave them died before they were used, or given back.
void Desk::forget_orphans() {
  std::vector<std::string> orphans;
  for (const auto& [name, fd] : memory_->keeper->kept()) {
    const bool lent = name.rfind("sound-", 0) == 0 || name.rfind("stream-", 0) == 0;
    const bool used = std::any_of(sources_.begin(), sources_.end(), [&](const Source& source) {
      return source.voices > 0 && source.kept == name;
    });
    if (lent && !used) {
      orphans.push_back(name);
    }
  }
  for (const std::string& name : orphans) {
    memory_->keeper->forget(name);
    memory_->keeper->kept().erase(name);
  }
}

// Requests that never reached the engine: they were not answered, and are made again by who waits.
void Desk::forget_unsent() {
  for (auto at = pending_.begin(); at != pending_.end();) {
    const auto client = clients_.find(at->second.reply->client);
    if (client != clients_.end()) {
      client->second.asked.erase(at->second.reply->id.dump());
    }
    if (at->second.kind == mixer::CommandKind::AddVoice) {
      give_back(at->second.voice);
    }
    origins_.erase(at->first);
    at = pending_.erase(at);
  }
  for (auto& [id, voice] : voices_) {
    if (voice.owner == 0 && voice.on_exit != OnExit::Keep) {
      remove_later(id, 0);
    }
  }
  for (auto& [id, client] : clients_) {
    for (auto queue = client.queues.begin(); queue != client.queues.end();) {
      UniqueFd fd = memory_->copy_of("queue-" + std::to_string(*queue));
      const bool back = fd && host_->attach_as(*queue, shm::Segment::adopt(std::move(fd)));
      queue = back ? queue + 1 : client.queues.erase(queue);
    }
  }
}

}  // namespace avrig::dipstream
