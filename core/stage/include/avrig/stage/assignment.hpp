// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/shm/bell.hpp>
#include <avrig/shm/layout.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace avrig::stage {

/// One input of a stage, as planned: which ring, and which participant of it.
struct AssignedInput {
  std::string port;        ///< the stage's own name of it
  std::string from;        ///< "stage/port", for messages
  std::uint32_t ring = 0;  ///< index of the ring in the run
  std::uint32_t participant = 0;
  shm::Part part = shm::Part::Looker;
  shm::Loss loss = shm::Loss::Must;
  std::vector<std::uint32_t> pools;  ///< reference rings: rings whose buffers its frames name
};

/// One output of a stage, as planned.
struct AssignedOutput {
  std::string port;
  std::uint32_t ring = 0;  ///< editors: their input's ring
  bool edited = false;     ///< true: the output is the input's ring behind our cursor
  std::uint32_t bell = 0;  ///< the bell that the thread serving it sleeps on
};

/// What the launcher tells a stage when memory exists; a restarted stage gets the same again.
struct Assignment {
  std::uint32_t stage = 0;  ///< its index in the run
  std::string id;
  std::uint32_t bell = 0;  ///< its main bell
  shm::WaitMode wait = shm::WaitMode::Block;
  bool live = false;              ///< a device feeds it, directly or through others
  bool offline = false;           ///< no waiting, no dropping, no wall clock
  bool unprocessed_pass = false;  ///< what was not processed goes on, flagged
  std::uint32_t generation = 0;   ///< 0 at first, +1 per restart
  std::int64_t started_ns = 0;    ///< when the run began, CLOCK_MONOTONIC; the same for all
  std::string run_dir;            ///< where the run's files go
  std::vector<AssignedInput> inputs;
  std::vector<AssignedOutput> outputs;
  std::vector<std::uint64_t> quarantined;    ///< sequences on the first input that crashed us twice
  std::int32_t sync_group = -1;              ///< index of its sync-state block; -1 = none
  std::uint32_t sync_section = 0;            ///< its section in that block
  std::map<std::string, std::string> words;  ///< of its predecessors: StageIo::leave_word()
  std::vector<std::uint32_t>
      rings;  ///< rings whose segments come with this message, in order of fds
};

void to_json(nlohmann::json& json, const Assignment& value);
void from_json(const nlohmann::json& json, Assignment& value);

}  // namespace avrig::stage
