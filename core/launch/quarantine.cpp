// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/error.hpp>
#include <avrig/launch/quarantine.hpp>
#include <avrig/launch/run_folder.hpp>
#include <avrig/stage/description.hpp>

#include <algorithm>
#include <filesystem>
#include <span>

#include <nlohmann/json.hpp>

namespace avrig::launch {
namespace {

using nlohmann::json;

/// The ring that holds a frame's bytes: its own, or the one a reference ring names.
const shm::Ring* pool_of(const shm::Ring& ring,
                         const shm::Descriptor& descriptor,
                         const std::deque<shm::Ring>& rings) {
  if (!ring.is_reference()) {
    return &ring;
  }
  const auto found = std::find_if(rings.begin(), rings.end(), [&](const shm::Ring& candidate) {
    return candidate.id() == descriptor.reference_ring && !candidate.is_reference();
  });
  return found == rings.end() ? nullptr : &*found;
}

json describe(const shm::Descriptor& frame) {
  json planes = json::array();
  for (std::size_t plane = 0; plane < std::min<std::size_t>(frame.planes, AVRIG_MAX_PLANES);
       ++plane) {
    planes.push_back({{"offset", frame.plane_offset[plane]},
                      {"stride", frame.stride[plane]},
                      {"rows", frame.rows[plane]}});
  }
  return {{"sequence", frame.sequence},
          {"capture_ns", frame.capture_ns},
          {"sigma_ns", frame.sigma_ns},
          {"duration_ns", frame.duration_ns},
          {"index", frame.index},
          {"epoch", frame.epoch},
          {"quality", frame.quality},
          {"flags", frame.flags},
          {"samples", frame.samples},
          {"planes", planes}};
}

}  // namespace

std::optional<std::uint64_t> frame_in_hand(const stage::Assignment& assignment,
                                           const std::deque<shm::Ring>& rings) {
  if (assignment.inputs.empty()) {
    return std::nullopt;
  }
  const stage::AssignedInput& input = assignment.inputs.front();
  const shm::ParticipantPage& page = rings[input.ring].participant_page(input.participant);
  const std::uint64_t done = page.done.load(std::memory_order_acquire);
  return page.begun.load(std::memory_order_acquire) == done + 1 ? std::optional(done)
                                                                : std::nullopt;
}

std::string save_frame(const stage::Assignment& assignment,
                       const std::deque<shm::Ring>& rings,
                       std::uint64_t sequence,
                       const std::string& why) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(assignment.run_dir) / "quarantine";
  std::error_code failed;
  fs::create_directories(folder, failed);
  fs::permissions(folder, fs::perms::owner_all, failed);
  const std::string path = (folder / (assignment.id + "-" + std::to_string(sequence))).string();
  const shm::Ring& ring = rings[assignment.inputs.front().ring];
  shm::Descriptor frame{};
  std::uint64_t word = 0;
  if (!ring.read(sequence, frame, word)) {
    throw Error(ErrorCode::Open, "frame " + std::to_string(sequence) + " is gone");
  }
  json facts = describe(frame);
  facts["stage"] = assignment.id;
  facts["from"] = assignment.inputs.front().from;
  facts["format"] = stage::format_to_json(ring.format());
  facts["why"] = why;
  write_new_file(path + ".json", facts.dump(2) + "\n");
  const shm::Ring* pool = pool_of(ring, frame, rings);
  const std::uint32_t buffer =
      ring.is_reference() ? frame.reference_buffer : shm::word_buffer(word);
  if (pool != nullptr && buffer < pool->buffers()) {
    const std::span<std::byte> bytes = pool->buffer(buffer);
    write_new_file(path + ".raw",
                   std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  return path;
}

}  // namespace avrig::launch
