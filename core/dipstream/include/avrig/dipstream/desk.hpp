// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/dipstream/mixer_host.hpp>
#include <avrig/dipstream/sound.hpp>
#include <avrig/mixer/bus_layout.hpp>
#include <avrig/mixer/event_ledger.hpp>
#include <avrig/unique_fd.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace avrig::dipstream {

class Fields;

/// The mixing desk: what experiments say in JSON becomes commands of the engine, and what the
/// engine reports becomes replies and events. Knows no socket.
///
/// Requests and fields: docs/dipstream.md. A voice is named by its number or by its name; the
/// pipeline's is "pipeline". Whatever is wrong with a request is an error reply; nothing stops.
///
/// Thread: control (one at a time)
class Desk {
 public:
  using ClientId = std::uint64_t;
  /// Hands a line (without its end) to a client, with a descriptor where `fd` >= 0.
  using Send = std::function<void(const std::string& line, int fd)>;

  /// `keeper`: holds what a successor needs, and has what a predecessor gave (see restored()).
  Desk(MixerHost& host, std::uint32_t rate_hz, Keeper* keeper = nullptr);
  ~Desk();
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;

  [[nodiscard]] ClientId join(Send send);
  /// The host itself: its times count from set_origin().
  [[nodiscard]] ClientId join_as_host(Send send);
  /// True where a predecessor had been set up: all that it had is here, and the host has come to
  /// where it was.
  [[nodiscard]] bool restored() const noexcept { return restored_; }
  /// False where a successor would begin anew: nobody keeps anything, or the logs could not be
  /// condensed and have become too long (512 MiB).
  [[nodiscard]] bool survives() const noexcept;
  /// Set up: from now on a successor goes on with what is here.
  void note_ready();
  /// Behind how many bytes of logs a state is made that takes their place; else it is 4 MiB, and at
  /// least four times what the last state had.
  void condense_after(std::uint64_t bytes) noexcept;
  /// What it owned fades, stops or stays, as each voice was added to.
  void leave(ClientId client);

  /// One request. `fds` came with it; those that it needs are taken.
  void hear(ClientId client, const std::string& line, std::vector<UniqueFd>& fds);
  /// How many bytes of samples come behind this line, by its `bytes`. False: it says so wrongly.
  [[nodiscard]] static bool bytes_behind(const std::string& line,
                                         std::size_t most,
                                         std::size_t& bytes);
  /// Is it a JSON object that says what to `do`?
  [[nodiscard]] static bool is_request(const std::string& line);
  /// The same as JSON; throws Error where hear() would answer with one.
  void ask(ClientId client, const nlohmann::json& request, std::vector<UniqueFd>& fds);

  /// Deal with what the engine reported meanwhile.
  void turn();

  /// From a sample's time to the moment it is heard, in samples.
  void set_latency(std::int64_t samples);
  /// The device went away, or is there again: those who listen to events are told.
  void set_device(bool runs);
  /// A delay behind the server's own account, measured with a cable: added to all times at the
  /// output, in seconds; may be negative.
  void set_bias(double seconds) noexcept { bias_ = seconds * rate_hz_; }
  /// Where time 0 of the host's own requests lies.
  void set_origin(std::int64_t sample) noexcept { origin_ = sample; }
  /// Voices, bar the pipeline's.
  [[nodiscard]] std::size_t voices() const noexcept { return voices_.size(); }
  [[nodiscard]] const mixer::BusLayout& layout() const noexcept { return layout_; }
  [[nodiscard]] bool has_voice(const std::string& name) const {
    return names_.find(name) != names_.end();
  }

 private:
  enum class OnExit { Fade, Stop, Keep };
  enum class Subscription { None, Mine, All };
  class Memory;
  struct Voice {
    ClientId owner = 0;
    std::string name;
    std::uint32_t source = 0;
    std::int64_t length = 0;
    std::uint32_t channels = 0;
    std::string bus;
    mixer::EmitterPayload emitter{};  // as last asked for
    OnExit on_exit = OnExit::Fade;
    std::int64_t start = mixer::kUnknownSample;
    std::int64_t end = mixer::kUnknownSample;
    std::optional<shm::Segment> memory;  // of a stream, shared with who feeds it
    std::optional<shm::Mapping> mapped;
    mixer::StreamView stream{};
    std::unique_ptr<mixer::StreamFeeder> feeder;
    bool ready = false;  // the engine has accepted it
  };
  struct Source {
    std::shared_ptr<const Sound> sound;
    std::uint32_t voices = 0;
    std::string kept;  // its name with the keeper
  };
  struct Reply;
  struct Pending {
    std::shared_ptr<Reply> reply;
    std::size_t index;
    mixer::VoiceId voice;
    mixer::CommandKind kind;
  };
  struct Asked {
    std::uint64_t request;
    mixer::VoiceId voice;
  };
  struct Client {
    Send send;
    Subscription events = Subscription::None;
    std::map<std::string, Asked> asked;  // by the client's own id, for cancel
    std::deque<std::string> asked_order;
    std::vector<std::uint16_t> queues;
    // Of those who asked for a session alone.
    std::string token;
    ClientId connection = 0;                     // who speaks for it now, after a resume
    std::int64_t away_until_ns = 0;              // of a dead writer's: it may still come back
    std::uint64_t told = 0;                      // events so far
    std::deque<std::string> last_events;         // the newest, numbered up to `told`
    std::map<std::string, std::string> answers;  // by the client's own id
  };
  using Commands = std::vector<mixer::Command>;
  using Handler = void (Desk::*)(ClientId,
                                 Fields&,
                                 const nlohmann::json& id,
                                 std::vector<UniqueFd>& fds);

  static const std::map<std::string, Handler>& handlers();

  // Requests -----------------------------------------------------------------------------------
  void add(ClientId, Fields&, const nlohmann::json& id, std::vector<UniqueFd>& fds);
  void open_stream(ClientId, Fields&, const nlohmann::json& id, std::vector<UniqueFd>& fds);
  void feed(ClientId, Fields&, const nlohmann::json& id, std::vector<UniqueFd>& fds);
  void remove(ClientId, Fields&, const nlohmann::json& id, std::vector<UniqueFd>& fds);
  void clear_sources(ClientId, Fields&, const nlohmann::json& id, std::vector<UniqueFd>& fds);
  void schedule(ClientId, Fields&, const nlohmann::json& id, std::vector<UniqueFd>& fds);
  void batch(ClientId, Fields&, const nlohmann::json& id, std::vector<UniqueFd>& fds);
  void listener(ClientId, Fields&, const nlohmann::json& id, std::vector<UniqueFd>& fds);
  void cancel(ClientId, Fields&, const nlohmann::json& id, std::vector<UniqueFd>& fds);
  void bus(ClientId, Fields&, const nlohmann::json& id, std::vector<UniqueFd>& fds);
  void buses(ClientId, Fields&, const nlohmann::json& id, std::vector<UniqueFd>& fds);
  void clip(ClientId, Fields&, const nlohmann::json& id, std::vector<UniqueFd>& fds);
  void now(ClientId, Fields&, const nlohmann::json& id, std::vector<UniqueFd>& fds);
  void info(ClientId, Fields&, const nlohmann::json& id, std::vector<UniqueFd>& fds);
  void voice(ClientId, Fields&, const nlohmann::json& id, std::vector<UniqueFd>& fds);
  void list(ClientId, Fields&, const nlohmann::json& id, std::vector<UniqueFd>& fds);
  void meters(ClientId, Fields&, const nlohmann::json& id, std::vector<UniqueFd>& fds);
  void subscribe(ClientId, Fields&, const nlohmann::json& id, std::vector<UniqueFd>& fds);
  void queue(ClientId, Fields&, const nlohmann::json& id, std::vector<UniqueFd>& fds);
  void session(ClientId, Fields&, const nlohmann::json& id, std::vector<UniqueFd>& fds);
  void resume_session(ClientId, Fields&, const nlohmann::json& id, std::vector<UniqueFd>& fds);

  // Parts of requests ---------------------------------------------------------------------------
  [[nodiscard]] Commands commands_of(const std::string& what, Fields& fields, bool host);
  [[nodiscard]] Commands settings(Fields& fields, mixer::VoiceId voice, bool host);
  [[nodiscard]] mixer::Command start_of(Fields& fields, mixer::VoiceId voice, bool host);
  [[nodiscard]] mixer::Command emitter_of(Fields& fields, mixer::VoiceId voice, bool host);
  void remember(const Commands& commands);
  [[nodiscard]] mixer::When when_of(Fields& fields, bool host);
  [[nodiscard]] mixer::VoiceId voice_of(Fields& fields, const char* name = "voice");
  [[nodiscard]] mixer::Command voice_command(Fields& fields, Voice& voice);
  [[nodiscard]] std::shared_ptr<const Sound> sound_of(Fields& fields, std::vector<UniqueFd>& fds);
  [[nodiscard]] std::uint32_t samples_of(Fields& fields, const char* name, double standard);
  [[nodiscard]] mixer::VoiceId take_voice();
  [[nodiscard]] std::uint32_t take_source(std::shared_ptr<const Sound> sound);
  [[nodiscard]] std::uint32_t free_source();
  void make_voice(ClientId,
                  const nlohmann::json& id,
                  mixer::Command command,
                  Voice voice,
                  nlohmann::json more,
                  int fd);
  void remove_later(mixer::VoiceId id, std::uint32_t fade);
  /// `sample`: where it ended; the default: it never sounded.
  void give_back(mixer::VoiceId id, std::int64_t sample = INT64_MIN);
  void drop_what_was_mixed();
  void drop_source(std::uint32_t number);

  // Sending and replying ------------------------------------------------------------------------
  void send(ClientId client,
            const nlohmann::json& id,
            std::vector<Commands> groups,
            const nlohmann::json& more,
            bool batch,
            int fd = -1);
  void reply(ClientId client, const nlohmann::json& id, nlohmann::json what, int fd = -1);
  void fail(ClientId client, const nlohmann::json& id, const std::string& text);
  void on_event(const mixer::Event& event);
  void answer(const mixer::Event& event);
  void note(const mixer::Event& event);
  void publish(const mixer::Event& event);
  static void tell(Client& client, nlohmann::json what);
  [[nodiscard]] nlohmann::json status_of(mixer::VoiceId id) const;
  [[nodiscard]] std::string name_of(mixer::VoiceId id) const;

  // What outlives us ----------------------------------------------------------------------------
  void note_voice(mixer::VoiceId id, const Voice& voice);
  void note_buses();
  [[nodiscard]] std::string keep_memory(int fd, const char* kind);
  [[nodiscard]] nlohmann::json shape() const;
  [[nodiscard]] bool go_on();
  void read_again(std::uint32_t kind, const nlohmann::json& record);
  void read_voice(const nlohmann::json& record);
  void read_sent(const nlohmann::json& record);
  void read_buses(const nlohmann::json& record);
  void find_free_places();
  void lend_again(std::span<const mixer::Command> batch);
  void lend_voice(mixer::VoiceId id);
  void lend_stream(std::uint32_t number, const nlohmann::json& record, Voice* alive, UniqueFd fd);
  void hear_again();
  void forget_unsent();
  void forget_orphans();
  void read_journal();
  void condense(std::int64_t reached);
  void make_state(std::int64_t reached);
  void lend_shape(mixer::Engine& engine, mixer::StreamHeader& header, mixer::VoiceId id) const;
  void forget_past(const mixer::Engine& engine, const Standpoint& now);
  [[nodiscard]] nlohmann::json portrait() const;
  [[nodiscard]] nlohmann::json portrait_of(const Client& client) const;
  [[nodiscard]] nlohmann::json portrait_of_pending() const;
  void become(const nlohmann::json& state);
  void become_client(ClientId id, const nlohmann::json& state);
  void become_pending(const nlohmann::json& state);
  [[nodiscard]] static mixer::SampleView view_from(const nlohmann::json& record);
  [[nodiscard]] nlohmann::json buses_as_json() const;
  void deal_with(const mixer::Event& event);
  void remember_id(Client& client, const std::string& key, const Asked& asked);
  [[nodiscard]] bool answer_again(ClientId client, const nlohmann::json& id, bool shared);
  [[nodiscard]] ClientId whose(ClientId connection) const;
  void let_go_of_the_lost();

  // Time -----------------------------------------------------------------------------------------
  [[nodiscard]] std::int64_t delay() const noexcept;
  [[nodiscard]] std::int64_t in_doubt(const OutputClock& clock) const noexcept;
  void end_stretch(const OutputClock& last, std::int64_t end);
  /// The clock of the epoch in which that sample was, or will be, rendered.
  [[nodiscard]] bool clock_at(std::int64_t sample, OutputClock& clock) const noexcept;
  [[nodiscard]] double now_sample() const noexcept;
  [[nodiscard]] double sample_at(std::int64_t mono_ns) const noexcept;
  /// Stream time at which a sample is heard, in seconds.
  [[nodiscard]] double heard_s(std::int64_t sample) const noexcept;
  void put_times(nlohmann::json& into, std::int64_t sample) const;

  MixerHost* host_;
  std::uint32_t rate_hz_;
  std::int64_t latency_ = 0;
  double bias_ = 0;  // samples
  std::int64_t origin_ = 0;
  mixer::BusLayout layout_;
  mixer::ListenerPayload listener_;
  SoundCache cache_;
  mixer::EventLedger ledger_;
  bool device_runs_ = true;
  OutputClock newest_;  // as of the last turn()
  struct Stretch {
    OutputClock clock;
    std::int64_t end;
  };
  std::deque<Stretch> stretches_;  // past epochs
  std::map<ClientId, Client> clients_;
  static constexpr ClientId kHost = 1;
  ClientId next_client_ = 2;
  ClientId host_client_ = 0;
  std::map<mixer::VoiceId, Voice> voices_;
  std::map<std::string, mixer::VoiceId> names_;
  std::vector<std::uint32_t> generations_;  // by slot
  std::vector<std::uint32_t> free_slots_;
  std::uint32_t voice_room_ = 0;
  std::vector<Source> sources_;
  std::vector<std::uint32_t> free_sources_;
  std::uint32_t source_room_ = 0;
  std::map<std::uint64_t, Pending> pending_;
  struct Origin {
    ClientId client;
    std::string id;
  };
  std::map<std::uint64_t, Origin> origins_;  // of the newest requests, for events
  std::vector<std::pair<std::uint32_t, std::int64_t>> being_mixed_;  // source, last sample of it
  std::deque<mixer::Command> later_;  // of our own, when the queue was full
  std::uint64_t next_request_ = 1;
  std::unique_ptr<Memory> memory_;           // null: nobody keeps anything
  std::map<ClientId, ClientId> speaks_for_;  // connections that took up a session
  std::vector<shm::Mapping> past_streams_;   // of voices that were gone before we began
  bool restoring_ = false;
  bool restored_ = false;
};

}  // namespace avrig::dipstream
