// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The avrig authors
#include <avrig/graph/render.hpp>

#include <algorithm>
#include <cstdio>

namespace avrig::graph {
namespace {

using Row = std::vector<std::string>;

// Columns as wide as their widest cell, two blanks apart, no blanks at the end.
std::string table(const std::string& title, const std::vector<Row>& rows) {
  if (rows.size() < 2) {
    return {};
  }
  std::vector<std::size_t> width(rows.front().size(), 0);
  for (const Row& row : rows) {
    for (std::size_t column = 0; column < row.size(); ++column) {
      width[column] = std::max(width[column], row[column].size());
    }
  }
  std::string text = title + "\n";
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t column = 0; column < row.size(); ++column) {
      line += "  " + row[column] + std::string(width[column] - row[column].size(), ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string mebibytes(std::uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", static_cast<double>(bytes) / (1024.0 * 1024.0));
  return text;
}

const char* work_name(const Model& model, std::size_t stage) {
  switch (model.stages[stage].description.work) {
    case stage::Work::Maker:
      return "maker";
    case stage::Work::Editor:
      return model.stages[stage].description.heal == stage::Heal::Undo ? "editor (undo)"
                                                                       : "editor (rerun)";
    case stage::Work::Gate:
      return "gate";
    case stage::Work::Looker:
      break;
  }
  return model.stages[stage].outputs.empty() ? "looker" : "maker";
}

const char* loss_name(shm::Loss loss) {
  return loss == shm::Loss::MaySkip ? "may_skip" : "must";
}

std::string format_text(const Model& model, std::size_t ring) {
  const avrig_format* format = model.format(ring);
  return format != nullptr ? describe_format(*format) : media_name(model.rings[ring].media);
}

std::string role_text(const Model& model, std::size_t stage) {
  const spec::StageSpec& spec = model.spec_of(stage);
  return std::string(spec::to_string(spec.role)) + ": " + spec.target;
}

// Who must be through with a frame before the edge's stage gets it.
std::string order_text(const Model& model, const Edge& edge) {
  std::string text;
  for (const std::size_t index : model.rings[edge.ring].edges) {
    const Edge& other = model.edges[index];
    const bool edited = other.part == shm::Part::Editor && other.level < edge.level;
    const bool looked = edge.part == shm::Part::Editor && other.part != shm::Part::Editor &&
                        other.level <= edge.level;
    if (edited || looked) {
      text += (text.empty() ? "" : ", ") + model.stages[other.stage].id;
    }
  }
  return text.empty() ? "-" : "after " + text;
}

std::string stages_table(const Model& model) {
  std::vector<Row> rows{{"id", "role", "works as", "from", "live"}};
  for (std::size_t stage = 0; stage < model.stages.size(); ++stage) {
    std::string from;
    for (const std::size_t edge : model.stages[stage].inputs) {
      from += (from.empty() ? "" : ", ") + model.source_name(model.edges[edge]);
    }
    rows.push_back({model.stages[stage].id,
                    role_text(model, stage),
                    work_name(model, stage),
                    from.empty() ? "-" : from,
                    model.stages[stage].live ? "live" : "-"});
  }
  return table("stages", rows);
}

std::string rings_table(const Model& model, const Plan* plan) {
  std::vector<Row> rows{{"ring", "format", "slots", "window", "buffers", "MiB", "conversion"}};
  for (std::size_t ring = 0; ring < model.rings.size(); ++ring) {
    const RingNode& node = model.rings[ring];
    Row row{model.ring_name(ring), format_text(model, ring), "-", "-", "-", "-"};
    if (plan != nullptr) {
      const shm::RingSpec& spec = plan->rings[ring].spec;
      row[2] = std::to_string(spec.slots);
      row[3] = std::to_string(spec.window);
      row[4] = std::to_string(spec.buffers);
      row[5] = mebibytes(plan->rings[ring].bytes);
    }
    if (node.reference) {
      row[4] = "of " + model.ring_name(node.pool);
    }
    row.push_back(node.conversion.empty() ? "-" : node.conversion);
    rows.push_back(std::move(row));
  }
  return table("rings", rows);
}

std::string edges_table(const Model& model) {
  std::vector<Row> rows{{"edge", "port", "works as", "loss", "order"}};
  for (const Edge& edge : model.edges) {
    const char* part = edge.part == shm::Part::Editor ? "editor"
                       : edge.part == shm::Part::Gate ? "gate"
                                                      : "looker";
    rows.push_back({model.source_name(edge) + " -> " + model.stages[edge.stage].id,
                    edge.port.name,
                    part,
                    loss_name(edge.loss),
                    order_text(model, edge)});
  }
  return table("edges", rows);
}

std::string edge_label(const Model& model, const Edge& edge) {
  return model.stages[edge.from_stage].description.outputs[edge.from_output].name + ": " +
         format_text(model, edge.ring) + (edge.loss == shm::Loss::MaySkip ? ", may skip" : "");
}

std::string escaped(const std::string& text) {
  std::string result;
  for (const char symbol : text) {
    if (symbol == '"' || symbol == '\\') {
      result += '\\';
    }
    result += static_cast<unsigned char>(symbol) < 0x20 ? ' ' : symbol;
  }
  return result;
}

std::string in_quotes(const std::string& text) {
  return "\"" + escaped(text) + "\"";
}

// Mermaid has no escapes, but entities.
std::string entities(const std::string& text) {
  std::string result;
  for (const char symbol : text) {
    if (symbol == '"') {
      result += "#quot;";
    } else if (symbol == '<' || symbol == '>' || symbol == '#' || symbol == '`') {
      result += "#" + std::to_string(static_cast<int>(symbol)) + ";";
    } else {
      result += static_cast<unsigned char>(symbol) < 0x20 ? ' ' : symbol;
    }
  }
  return result;
}

}  // namespace

std::string to_text(const Graph& graph, const Plan* plan) {
  const Model& model = graph.model();
  std::string text = stages_table(model) + "\n" + rings_table(model, plan);
  if (!model.edges.empty()) {
    text += "\n" + edges_table(model);
  }
  if (plan != nullptr) {
    text += "\n" + mebibytes(plan->bytes) + " MiB of shared memory, budget " +
            mebibytes(static_cast<std::uint64_t>(model.spec.memory_budget_bytes)) + " MiB\n";
  }
  return text;
}

std::string to_dot(const Graph& graph, const Plan* plan) {
  const Model& model = graph.model();
  std::string text = "digraph " + in_quotes(model.spec.name) + " {\n  rankdir=LR;\n" +
                     "  node [shape=box, fontname=\"sans-serif\"];\n" +
                     "  edge [fontname=\"sans-serif\", fontsize=10];\n";
  for (std::size_t stage = 0; stage < model.stages.size(); ++stage) {
    const std::string& id = model.stages[stage].id;
    text += "  " + in_quotes(id) + " [label=\"" + escaped(id) + "\\n" +
            escaped(role_text(model, stage)) + "\"];\n";
  }
  for (const Edge& edge : model.edges) {
    std::string label = edge_label(model, edge);
    if (plan != nullptr && !model.rings[edge.ring].reference) {
      label += ", " + mebibytes(plan->rings[edge.ring].bytes) + " MiB";
    }
    text += "  " + in_quotes(model.stages[edge.from_stage].id) + " -> " +
            in_quotes(model.stages[edge.stage].id) + " [label=" + in_quotes(label);
    text += edge.part == shm::Part::Editor ? ", style=bold" : "";
    text += edge.loss == shm::Loss::MaySkip ? ", style=dashed" : "";
    text += "];\n";
  }
  return text + "}\n";
}

std::string to_mermaid(const Graph& graph, const Plan* plan) {
  const Model& model = graph.model();
  std::string text = "flowchart LR\n";
  for (std::size_t stage = 0; stage < model.stages.size(); ++stage) {
    text += "  s" + std::to_string(stage) + "[\"" + entities(model.stages[stage].id) + "<br/>" +
            entities(role_text(model, stage)) + "\"]\n";
  }
  for (const Edge& edge : model.edges) {
    std::string label = edge_label(model, edge);
    if (plan != nullptr && !model.rings[edge.ring].reference) {
      label += ", " + mebibytes(plan->rings[edge.ring].bytes) + " MiB";
    }
    const char* arrow = edge.part == shm::Part::Editor    ? " ==>|\""
                        : edge.loss == shm::Loss::MaySkip ? " -.->|\""
                                                          : " -->|\"";
    text += "  s" + std::to_string(edge.from_stage) + arrow + entities(label) + "\"| s" +
            std::to_string(edge.stage) + "\n";
  }
  return text;
}

}  // namespace avrig::graph
