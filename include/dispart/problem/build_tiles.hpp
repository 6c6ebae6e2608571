#pragma once
/// \file
/// Model -> dense tiled block: which layers may be cut into spatial tiles, and how their results depend on operands.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/model/operators.hpp"
#include "dispart/model/order.hpp"
#include "dispart/model/uses.hpp"
#include "dispart/model/work.hpp"
#include "dispart/problem/tile_block.hpp"

namespace dispart {

namespace detail {

/// How a layer's first result depends on its map operands, along rows and columns.
struct spatial_rule {
    axis_window rows{};
    axis_window columns{};
    bool in_place = false;
};

[[nodiscard]] inline spatial_rule rule_of_window(const window& w) {
    const auto along = [&](std::size_t i) {
        return axis_window{w.kernel[i], w.strides[i], w.dilations[i], w.pads_begin[i]};
    };
    return {along(0), along(1), false};
}

[[nodiscard]] inline bool is_elementwise(std::string_view op) {
    return std::any_of(elementwise_operators.begin(), elementwise_operators.end(),
                       [&](const operator_spec& row) { return row.name == op; });
}

/// Constants of an element-wise layer must look the same in every tile.
[[nodiscard]] inline bool constants_are_uniform(const op_context& c) {
    for (const auto* operand : c.inputs) {
        if (operand == nullptr || !operand->constant) continue;
        const auto& dims = *operand->dims;
        for (std::size_t i = 0; i < 2 && i < dims.size(); ++i)
            if (dims[dims.size() - 1 - i] != 1) return false;
    }
    return true;
}

/// The rule of an average that counts pads beyond those that it states cannot be told to a tile.
[[nodiscard]] inline bool overhangs(const op_context& c, const window& w) {
    if (c.self.op != "AveragePool" || c.integer("count_include_pad", 0) == 0) return false;
    for (std::size_t i = 0; i < 2; ++i) {
        const auto last =
            (w.output[i] - 1) * w.strides[i] - w.pads_begin[i] + (w.kernel[i] - 1) * w.dilations[i] + 1;
        if (last > c.dims(0)[i + 2] + w.pads_end[i]) return true;
    }
    return false;
}

/// Errors: unsupported, naming the layer, where a tile of its result cannot be computed by the same operator.
[[nodiscard]] inline result<spatial_rule> spatial_rule_of(const op_context& c) {
    const auto no = [&](const char* why) {
        return c.fail(errc::unsupported, std::string("cannot be tiled: ") + why);
    };
    const auto& op = c.self.op;
    for (std::size_t i = 1; i < c.self.outputs.size(); ++i)
        if (c.self.outputs[i] != no_id) return no("it has several results");
    if (op == "Conv" || op == "MaxPool" || op == "AveragePool" || op == "LpPool") {
        if (c.rank(0) != 4) return no("its data is not [N, C, H, W]");
        for (std::size_t i = 1; i < c.inputs.size(); ++i)
            if (c.has(i) && !c.inputs[i]->constant) return no("its weights are computed");
        DISPART_TRY(const auto w, op == "Conv" ? convolution_window(c) : pooling_window(c));
        if (overhangs(c, w)) return no("its windows hang over the pads that it counts");
        return rule_of_window(w);
    }
    if (op == "SpaceToDepth") {
        const auto size = c.integer("blocksize", 1);
        return spatial_rule{{size, size, 1, 0}, {size, size, 1, 0}, false};
    }
    if (op == "Concat") {
        const auto axis = c.integer("axis", 1);
        if (axis != 1 && axis != -3) return no("it does not join channels");
        for (const auto* operand : c.inputs)
            if (operand->constant) return no("it joins a constant");
        return spatial_rule{};
    }
    if (op == "BatchNormalization" || op == "LRN") return spatial_rule{{}, {}, true};
    if (!is_elementwise(op)) return no("it is neither a window nor element by element");
    if (!constants_are_uniform(c)) return no("a constant has a value for each position");
    return spatial_rule{{}, {}, true};
}

/// Builds one block; holds what finding maps by tensor needs.
template <class Layer, class Tensor>
class tile_block_builder {
  public:
    explicit tile_block_builder(const layer_graph<Layer, Tensor>& g) : g_(g) {}

    /// Adds a layer. Errors: unsupported, naming it; then nothing was added.
    result<void> add(layer_id v) {
        const auto& self = g_[v];
        const auto& tensors = info(g_).tensors;
        const auto inputs = described<tensor_info>(tensors, self.inputs);
        const auto outputs = described<tensor_info>(tensors, self.outputs);
        const op_context c{self, inputs, outputs, info(g_).opset};
        if (self.outputs.empty() || self.outputs[0] == no_id || !is_map(self.outputs[0]))
            return c.fail(errc::unsupported, "cannot be tiled: its result is not [N, C, H, W]");
        bool reads_map = false;
        for (const auto t : self.inputs)
            if (t != no_id && !tensors[t].constant) {
                if (!is_map(t))
                    return c.fail(errc::unsupported, "cannot be tiled: it reads what is not [N, C, H, W]");
                reads_map = true;
            }
        if (!reads_map) return c.fail(errc::unsupported, "cannot be tiled: it reads no map");
        DISPART_TRY(const auto rule, spatial_rule_of(c));
        const auto work = work_of(g_, v);
        tile_layer made{.rows = rule.rows, .columns = rule.columns, .flops = work.compute.value};
        made.in_place = rule.in_place;
        made.layer = v;
        if (self.op == "Conv") {
            const auto& w = *inputs[1]->dims;
            made.macs =
                static_cast<double>(elements(*outputs[0]->dims)) * static_cast<double>(w[1] * w[2] * w[3]);
        }
        block_.weight_bytes += work.weights.value;
        for (const auto t : self.inputs) {
            if (t == no_id || tensors[t].constant) continue;
            const auto map = map_of(t);
            if (std::find(made.reads.begin(), made.reads.end(), map) == made.reads.end())
                made.reads.push_back(map);
        }
        made.writes = map_of(self.outputs[0]);
        block_.layers.push_back(std::move(made));
        return {};
    }

    /// The block, with its boundary: what it reads from outside, and what is read outside or returned.
    result<tile_block> finish() {
        std::vector<bool> inside(num_vertices(g_), false), made(block_.maps.size(), false);
        for (const auto& each : block_.layers) inside[each.layer] = made[each.writes] = true;
        const auto readers = consumers(g_);
        const auto& returned = info(g_).outputs;
        for (std::size_t m = 0; m < block_.maps.size(); ++m) {
            const auto t = block_.maps[m].tensor;
            if (!made[m]) {
                block_.inputs.push_back(m);
                continue;
            }
            bool wanted = std::find(returned.begin(), returned.end(), t) != returned.end();
            for (const auto v : readers[t]) wanted = wanted || !inside[v];
            if (wanted) block_.outputs.push_back(m);
        }
        if (block_.outputs.empty())
            return fail(errc::invalid_argument, info(g_).name, "the block has no result that anybody reads");
        std::stable_sort(block_.outputs.begin(), block_.outputs.end(), [&](std::size_t a, std::size_t b) {
            return block_.maps[a].whole().area() > block_.maps[b].whole().area();
        });
        return std::move(block_);
    }

  private:
    [[nodiscard]] bool is_map(tensor_id t) const {
        const auto& dims = info(g_).tensors[t].dims;
        return dims && dims->size() == 4 && elements(*dims) > 0;
    }
    std::size_t map_of(tensor_id t) {
        const auto [at, added] = maps_.try_emplace(t, block_.maps.size());
        if (added) {
            const auto& about = info(g_).tensors[t];
            const auto& dims = *about.dims;
            block_.maps.push_back(
                {dims[2], dims[3], about.size_bytes() / static_cast<double>(dims[2] * dims[3]), t});
        }
        return at->second;
    }

    const layer_graph<Layer, Tensor>& g_;
    tile_block block_{};
    std::map<tensor_id, std::size_t> maps_{};
};

}  // namespace detail

/// The dense block of a set of layers.
/// Precondition: valid graph with known shapes. Errors: unsupported, naming the first layer that cannot be tiled;
/// invalid_argument (no layer, no such layer, nothing that is read outside). O(model).
template <class Layer, class Tensor>
[[nodiscard]] result<tile_block> build_tile_block(const layer_graph<Layer, Tensor>& g,
                                                  const std::vector<layer_id>& layers) {
    std::vector<bool> chosen(num_vertices(g), false);
    for (const auto v : layers) {
        if (v >= chosen.size())
            return fail(errc::invalid_argument, "layer " + std::to_string(v), "there is none");
        chosen[v] = true;
    }
    if (layers.empty()) return fail(errc::invalid_argument, info(g).name, "a block without layers");
    DISPART_TRY(const auto order, topological_order(g));
    detail::tile_block_builder<Layer, Tensor> builder(g);
    for (const auto v : order)
        if (chosen[v]) DISPART_CHECK(builder.add(v));
    return builder.finish();
}

/// The layers, in topological order, that can be tiled and depend on no layer that cannot: a network's convolutional
/// body. Empty where the first layers cannot be. Precondition: valid graph with known shapes. O(model).
template <class Layer, class Tensor>
[[nodiscard]] result<std::vector<layer_id>> tileable_body(const layer_graph<Layer, Tensor>& g) {
    DISPART_TRY(const auto order, topological_order(g));
    detail::tile_block_builder<Layer, Tensor> trial(g);
    std::vector<bool> known(info(g).tensors.size(), false);
    for (const auto t : info(g).inputs) known[t] = true;
    std::vector<layer_id> body;
    for (const auto v : order) {
        const auto fine = [&](tensor_id t) { return t == no_id || known[t] || info(g).tensors[t].constant; };
        if (!std::all_of(g[v].inputs.begin(), g[v].inputs.end(), fine) || !trial.add(v)) continue;
        for (const auto t : g[v].outputs)
            if (t != no_id) known[t] = true;
        body.push_back(v);
    }
    return body;
}

}  // namespace dispart
