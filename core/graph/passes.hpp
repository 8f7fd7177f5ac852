// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#pragma once

#include <avrig/graph/model.hpp>
#include <avrig/graph/plan.hpp>

#include <cstdint>
#include <string>
#include <vector>

/// The passes that build() and plan() are made of, in this order.
namespace avrig::graph {

using Problems = std::vector<spec::Problem>;

void add_error(Problems& problems,
               const spec::SourcePosition& at,
               std::string text,
               std::string suggestion = {});
void add_warning(Problems& problems,
                 const spec::SourcePosition& at,
                 std::string text,
                 std::string suggestion = {});

/// Stages, edges and rings; false when the stages form a cycle and nothing more can be said.
[[nodiscard]] bool connect(Model& model, const Descriptions& descriptions, Problems& problems);

/// What cannot be ordered, or would stop.
void check_hazards(const Model& model, Problems& problems);

/// The ring's maker reads what it has published: no editor may follow.
void check_kept_frames(const Model& model, std::size_t ring, Problems& problems);

/// Which stages a device feeds, and what each edge may lose.
void decide_loss(Model& model, Problems& problems);

/// A format for each ring, as far as the descriptions tell.
void negotiate(Model& model, Problems& problems);
/// Do all that see the ring's frames take `format`?
void check_followers(const Model& model,
                     std::size_t ring,
                     const avrig_format& format,
                     Problems& problems);

/// Who must have passed a frame before `edge` may begin it: RingSpec's masks.
struct Masks {
  std::uint64_t after = 0;
  std::uint64_t behind = 0;
};
[[nodiscard]] Masks masks(const Model& model, const Edge& edge);

/// Frames that an edge's stage may hold at once, what stands behind a gate included.
[[nodiscard]] std::uint64_t kept_frames(const Model& model, const Edge& edge);

/// The size of each ring. An entry whose problem was reported has usable numbers all the same.
struct RingSize {
  std::uint32_t slots = 0;
  std::uint32_t guard = 2;
  std::uint32_t buffers = 0;
  std::uint64_t buffer_bytes = 0;
  std::uint32_t window = 0;
};
[[nodiscard]] std::vector<RingSize> size_rings(const Model& model, Problems& problems);

}  // namespace avrig::graph
