// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/shm/bell.hpp>
#include <avrig/shm/layout.hpp>
#include <avrig/shm/run_block.hpp>
#include <avrig/shm/sync_block.hpp>

#include <cstddef>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

// docs/shm-layout.md draws the bytes that processes share; here its tables are held to the code.
using namespace avrig::shm;

namespace {

struct Field {
  const char* name;
  std::size_t offset;
  std::size_t bytes;
};

struct Struct {
  const char* name;
  std::size_t bytes;
  std::size_t alignment;
  std::vector<Field> fields;
};

#define AVRIG_STRUCT(type, ...)           \
  Struct {                                \
#type, sizeof(type), alignof(type), { \
      __VA_ARGS__                         \
    }                                     \
  }
#define AVRIG_FIELD(type, field)                       \
  Field {                                              \
#field, offsetof(type, field), sizeof(type::field) \
  }

const std::vector<Struct>& structs() {
  static const std::vector<Struct> all = {
      AVRIG_STRUCT(RingHeader,
                   AVRIG_FIELD(RingHeader, magic),
                   AVRIG_FIELD(RingHeader, layout_version),
                   AVRIG_FIELD(RingHeader, header_bytes),
                   AVRIG_FIELD(RingHeader, segment_bytes),
                   AVRIG_FIELD(RingHeader, ring_id),
                   AVRIG_FIELD(RingHeader, maker_stage),
                   AVRIG_FIELD(RingHeader, maker_bell),
                   AVRIG_FIELD(RingHeader, slots),
                   AVRIG_FIELD(RingHeader, guard),
                   AVRIG_FIELD(RingHeader, buffers),
                   AVRIG_FIELD(RingHeader, window),
                   AVRIG_FIELD(RingHeader, live),
                   AVRIG_FIELD(RingHeader, participants),
                   AVRIG_FIELD(RingHeader, reserved),
                   AVRIG_FIELD(RingHeader, buffer_bytes),
                   AVRIG_FIELD(RingHeader, maker_offset),
                   AVRIG_FIELD(RingHeader, participant_offset),
                   AVRIG_FIELD(RingHeader, descriptor_offset),
                   AVRIG_FIELD(RingHeader, generation_offset),
                   AVRIG_FIELD(RingHeader, undo_offset),
                   AVRIG_FIELD(RingHeader, pool_offset),
                   AVRIG_FIELD(RingHeader, participant),
                   AVRIG_FIELD(RingHeader, format),
                   AVRIG_FIELD(RingHeader, state)),
      AVRIG_STRUCT(ParticipantEntry,
                   AVRIG_FIELD(ParticipantEntry, stage),
                   AVRIG_FIELD(ParticipantEntry, bell),
                   AVRIG_FIELD(ParticipantEntry, part),
                   AVRIG_FIELD(ParticipantEntry, loss),
                   AVRIG_FIELD(ParticipantEntry, editor_line),
                   AVRIG_FIELD(ParticipantEntry, reserved),
                   AVRIG_FIELD(ParticipantEntry, after),
                   AVRIG_FIELD(ParticipantEntry, behind),
                   AVRIG_FIELD(ParticipantEntry, undo_offset),
                   AVRIG_FIELD(ParticipantEntry, undo_bytes)),
      AVRIG_STRUCT(MakerPage,
                   AVRIG_FIELD(MakerPage, floor),
                   AVRIG_FIELD(MakerPage, head),
                   AVRIG_FIELD(MakerPage, overrun),
                   AVRIG_FIELD(MakerPage, wanted),
                   AVRIG_FIELD(MakerPage, full_at),
                   AVRIG_FIELD(MakerPage, pins)),
      AVRIG_STRUCT(ParticipantPage,
                   AVRIG_FIELD(ParticipantPage, begun),
                   AVRIG_FIELD(ParticipantPage, done),
                   AVRIG_FIELD(ParticipantPage, hold),
                   AVRIG_FIELD(ParticipantPage, since_ns),
                   AVRIG_FIELD(ParticipantPage, wanted),
                   AVRIG_FIELD(ParticipantPage, ledger),
                   AVRIG_FIELD(ParticipantPage, undo_tag),
                   AVRIG_FIELD(ParticipantPage, undo_regions),
                   AVRIG_FIELD(ParticipantPage, undo_buffer),
                   AVRIG_FIELD(ParticipantPage, undo_region),
                   AVRIG_FIELD(ParticipantPage, latency),
                   AVRIG_FIELD(ParticipantPage, latency_max_ns)),
      AVRIG_STRUCT(Ledger,
                   AVRIG_FIELD(Ledger, cursor),
                   AVRIG_FIELD(Ledger, dropped),
                   AVRIG_FIELD(Ledger, quarantined),
                   AVRIG_FIELD(Ledger, voids),
                   AVRIG_FIELD(Ledger, maker_voids),
                   AVRIG_FIELD(Ledger, jump_from)),
      AVRIG_STRUCT(Region,
                   AVRIG_FIELD(Region, offset),
                   AVRIG_FIELD(Region, row_bytes),
                   AVRIG_FIELD(Region, rows),
                   AVRIG_FIELD(Region, stride),
                   AVRIG_FIELD(Region, reserved)),
      AVRIG_STRUCT(DescriptorSlot,
                   AVRIG_FIELD(DescriptorSlot, word),
                   AVRIG_FIELD(DescriptorSlot, body),
                   AVRIG_FIELD(DescriptorSlot, editor)),
      AVRIG_STRUCT(EditorLine, AVRIG_FIELD(EditorLine, tag), AVRIG_FIELD(EditorLine, verdict)),
      AVRIG_STRUCT(Descriptor,
                   AVRIG_FIELD(Descriptor, sequence),
                   AVRIG_FIELD(Descriptor, capture_ns),
                   AVRIG_FIELD(Descriptor, index),
                   AVRIG_FIELD(Descriptor, published_ns),
                   AVRIG_FIELD(Descriptor, generation),
                   AVRIG_FIELD(Descriptor, source_position),
                   AVRIG_FIELD(Descriptor, due_ns),
                   AVRIG_FIELD(Descriptor, origin),
                   AVRIG_FIELD(Descriptor, origin_from),
                   AVRIG_FIELD(Descriptor, sigma_ns),
                   AVRIG_FIELD(Descriptor, duration_ns),
                   AVRIG_FIELD(Descriptor, epoch),
                   AVRIG_FIELD(Descriptor, quality),
                   AVRIG_FIELD(Descriptor, flags),
                   AVRIG_FIELD(Descriptor, voids),
                   AVRIG_FIELD(Descriptor, drops),
                   AVRIG_FIELD(Descriptor, part),
                   AVRIG_FIELD(Descriptor, more_parts),
                   AVRIG_FIELD(Descriptor, gap_samples),
                   AVRIG_FIELD(Descriptor, reference_buffer),
                   AVRIG_FIELD(Descriptor, reference_ring),
                   AVRIG_FIELD(Descriptor, samples),
                   AVRIG_FIELD(Descriptor, planes),
                   AVRIG_FIELD(Descriptor, plane_offset),
                   AVRIG_FIELD(Descriptor, stride),
                   AVRIG_FIELD(Descriptor, rows),
                   AVRIG_FIELD(Descriptor, reason),
                   AVRIG_FIELD(Descriptor, quarantined)),
      AVRIG_STRUCT(RunHeader,
                   AVRIG_FIELD(RunHeader, magic),
                   AVRIG_FIELD(RunHeader, layout_version),
                   AVRIG_FIELD(RunHeader, stages),
                   AVRIG_FIELD(RunHeader, bells),
                   AVRIG_FIELD(RunHeader, state)),
      AVRIG_STRUCT(Bell,
                   AVRIG_FIELD(Bell, word),
                   AVRIG_FIELD(Bell, patience_ns),
                   AVRIG_FIELD(Bell, naps)),
      AVRIG_STRUCT(StagePage,
                   AVRIG_FIELD(StagePage, state),
                   AVRIG_FIELD(StagePage, pid),
                   AVRIG_FIELD(StagePage, generation),
                   AVRIG_FIELD(StagePage, counters),
                   AVRIG_FIELD(StagePage, first_frame_ns),
                   AVRIG_FIELD(StagePage, last_progress_ns),
                   AVRIG_FIELD(StagePage, media_ns),
                   AVRIG_FIELD(StagePage, frames_in),
                   AVRIG_FIELD(StagePage, frames_out),
                   AVRIG_FIELD(StagePage, counter)),
      AVRIG_STRUCT(NamedCounter, AVRIG_FIELD(NamedCounter, name), AVRIG_FIELD(NamedCounter, value)),
      AVRIG_STRUCT(SyncHeader,
                   AVRIG_FIELD(SyncHeader, magic),
                   AVRIG_FIELD(SyncHeader, layout_version),
                   AVRIG_FIELD(SyncHeader, sections),
                   AVRIG_FIELD(SyncHeader, leader),
                   AVRIG_FIELD(SyncHeader, state)),
      AVRIG_STRUCT(SyncSection,
                   AVRIG_FIELD(SyncSection, role),
                   AVRIG_FIELD(SyncSection, phase),
                   AVRIG_FIELD(SyncSection, media),
                   AVRIG_FIELD(SyncSection, first_capture_ns),
                   AVRIG_FIELD(SyncSection, released),
                   AVRIG_FIELD(SyncSection, late),
                   AVRIG_FIELD(SyncSection, live),
                   AVRIG_FIELD(SyncSection, ready_ns),
                   AVRIG_FIELD(SyncSection, lag_ns),
                   AVRIG_FIELD(SyncSection, horizon_ns),
                   AVRIG_FIELD(SyncSection, ends),
                   AVRIG_FIELD(SyncSection, position_ns),
                   AVRIG_FIELD(SyncSection, position_at_ns),
                   AVRIG_FIELD(SyncSection, bell),
                   AVRIG_FIELD(SyncSection, started),
                   AVRIG_FIELD(SyncSection, t0_ns),
                   AVRIG_FIELD(SyncSection, media0_ns),
                   AVRIG_FIELD(SyncSection, delay_ns),
                   AVRIG_FIELD(SyncSection, max_unsynced_ns),
                   AVRIG_FIELD(SyncSection, master),
                   AVRIG_FIELD(SyncSection, anchor_frame),
                   AVRIG_FIELD(SyncSection, last_frame),
                   AVRIG_FIELD(SyncSection, underrun_samples),
                   AVRIG_FIELD(SyncSection, xruns),
                   AVRIG_FIELD(SyncSection, needs_ns),
                   AVRIG_FIELD(SyncSection, presented),
                   AVRIG_FIELD(SyncSection, held),
                   AVRIG_FIELD(SyncSection, dropped),
                   AVRIG_FIELD(SyncSection, unsynced),
                   AVRIG_FIELD(SyncSection, offset_min_ns),
                   AVRIG_FIELD(SyncSection, offset_max_ns),
                   AVRIG_FIELD(SyncSection, offset_sum_ns),
                   AVRIG_FIELD(SyncSection, offset_last_ns)),
      AVRIG_STRUCT(MediaMap,
                   AVRIG_FIELD(MediaMap, valid),
                   AVRIG_FIELD(MediaMap, epoch),
                   AVRIG_FIELD(MediaMap, media_ns),
                   AVRIG_FIELD(MediaMap, mono_ns),
                   AVRIG_FIELD(MediaMap, rate),
                   AVRIG_FIELD(MediaMap, sigma_ns)),
  };
  return all;
}

std::string heading(const Struct& type) {
  return "### " + std::string(type.name) + ", " + std::to_string(type.bytes) + " bytes";
}

std::string row(const Field& field) {
  return "| " + std::to_string(field.offset) + " | " + std::to_string(field.bytes) + " | `" +
         field.name + "` |";
}

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(line);
  }
  return lines;
}

// The rows of the table under a heading, as far as they must agree.
std::vector<std::string> rows_under(const std::vector<std::string>& lines,
                                    const std::string& heading) {
  std::vector<std::string> rows;
  bool inside = false;
  for (const std::string& line : lines) {
    if (line.rfind("#", 0) == 0) {
      inside = line == heading;
    } else if (inside && line.size() > 2 && line[0] == '|' && line[2] >= '0' && line[2] <= '9') {
      std::size_t end = 0;
      for (int bar = 0; bar < 4; ++bar) {
        end = line.find('|', end) + 1;
      }
      rows.push_back(line.substr(0, end));
    }
  }
  return rows;
}

}  // namespace

TEST_SUITE("shm/layout") {
  TEST_CASE("layout: docs/shm-layout.md says where each field lies") {
    const std::vector<std::string> lines = lines_of(AVRIG_LAYOUT_DOC);
    REQUIRE(!lines.empty());
    std::size_t headings = 0;
    for (const std::string& line : lines) {
      headings += line.rfind("### ", 0) == 0 ? 1u : 0u;
    }
    CHECK(headings == structs().size());
    for (const Struct& type : structs()) {
      std::vector<std::string> expected;
      for (const Field& field : type.fields) {
        expected.push_back(row(field));
      }
      const std::vector<std::string> found = rows_under(lines, heading(type));
      std::ostringstream wanted;
      wanted << heading(type) << "\n";
      for (const std::string& line : expected) {
        wanted << line << "\n";
      }
      CHECK_MESSAGE(found == expected, "the page should say:\n" << wanted.str());
    }
  }

  TEST_CASE("layout: the tables leave no field out") {
    for (const Struct& type : structs()) {
      std::size_t end = 0;
      for (const Field& field : type.fields) {
        CAPTURE(type.name);
        CAPTURE(field.name);
        CHECK(field.offset >= end);
        CHECK(field.offset - end < type.alignment);  // padding, never a field
        end = field.offset + field.bytes;
      }
      CHECK(type.bytes - end < type.alignment);
    }
  }
}
