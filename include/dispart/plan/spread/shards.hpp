#pragma once
/// \file
/// Channel, column and head shards as a model: layers with a part of their weights, summands that are added, pieces that are
/// joined.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <numeric>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "dispart/model/order.hpp"
#include "dispart/model/uses.hpp"
#include "dispart/model/work.hpp"
#include "dispart/plan/spread/rewriter.hpp"
#include "dispart/plan/spread/shard_rules.hpp"
#include "dispart/problem/tile_block.hpp"

namespace dispart {

/// How the summands of shards become one sum at home.
enum class shard_sum {
    star,  ///< all go to home, which adds them: one step; home receives (shards - 1) whole tensors
    tree,  ///< two by two, on the shards' devices: log2 shards steps; home receives one
    ring  ///< in as many slices as shards, each added along the ring: shards - 1 steps; every link carries slices only
};

/// How layers are divided into shards.
struct shard_options {
    std::vector<device_id> devices{};
    std::vector<double> weights{};  ///< each device's share
    device_id home = 0;             ///< adds and joins, and runs what is not divided
    double least_share = 0.002;  ///< of the model's work that a layer must have for a division to begin there
    shard_sum sum = shard_sum::star;
};

namespace detail {

/// A tensor that shards made.
struct sharded_tensor {
    bool partial = false;
    std::size_t axis = 0;
    std::vector<std::int64_t> cuts{};
    std::vector<tensor_id> pieces{};  ///< [shard]; no_id where it has none
    std::size_t epoch = 0;            ///< collectives before it
};

/// Walks the model once, in order.
class shard_writer {
  public:
    shard_writer(const spread_model& whole, const shard_options& how)
        : to_(whole)
        , old_(whole.graph)
        , how_(how)
        , readers_(consumers(old_))
        , epoch_(info(old_).tensors.size(), 0)
        , replaced_(num_vertices(old_), false)
        , least_(total_flops(old_).value * how.least_share) {}

    result<spread_model> write() {
        DISPART_TRY(const auto order, topological_order(old_));
        for (const layer_id v : order) DISPART_CHECK(visit(v));
        for (const tensor_id t : info(old_).outputs) DISPART_CHECK(make_whole(t));
        return to_.finish(replaced_);
    }

  private:
    [[nodiscard]] bool is_divided(tensor_id t) const { return t != no_id && sharded_.contains(t); }

    std::size_t group(std::size_t shard, std::size_t epoch) {
        const auto [at, added] = groups_.try_emplace({shard, epoch}, 0);
        if (added) at->second = to_.new_group(shard == no_id ? how_.home : how_.devices[shard]);
        return at->second;
    }

    result<void> visit(layer_id v) {
        const layer& self = old_[v];
        const bool plain = self.outputs.size() == 1 && self.outputs[0] != no_id;
        if (plain &&
            std::any_of(self.inputs.begin(), self.inputs.end(), [&](tensor_id t) { return is_divided(t); })) {
            DISPART_TRY(const bool done, go_on(v));
            if (done) return {};
        }
        for (const tensor_id t : self.inputs) DISPART_CHECK(make_whole(t));
        std::size_t epoch = 0;
        for (const tensor_id t : self.inputs)
            if (t != no_id) epoch = std::max(epoch, epoch_[t]);
        if (plain && work_of(old_, v).compute.value >= least_)
            if (const auto step = begin_shards({old_, self})) {
                const auto cuts = first_cuts(self.outputs[0], step->axis);
                return cuts.empty() ? keep_whole(v, epoch) : write_shards(v, *step, cuts, {}, epoch);
            }
        return keep_whole(v, epoch);
    }

    /// The layer stays, at home.
    result<void> keep_whole(layer_id v, std::size_t epoch) {
        to_.made().group[v] = group(no_id, epoch);
        for (const tensor_id t : old_[v].outputs)
            if (t != no_id) epoch_[t] = epoch;
        return {};
    }

    /// Shards go on with what they have. \return false where they cannot
    result<bool> go_on(layer_id v) {
        const layer& self = old_[v];
        std::vector<bool> divided(self.inputs.size(), false);
        const sharded_tensor* first = nullptr;
        std::size_t epoch = 0;
        for (std::size_t i = 0; i < self.inputs.size(); ++i) {
            const tensor_id t = self.inputs[i];
            if (t != no_id) epoch = std::max(epoch, epoch_[t]);
            if (!is_divided(t)) continue;
            const auto& state = sharded_.at(t);
            divided[i] = true;
            epoch = std::max(epoch, state.epoch);
            if (state.partial) return false;
            if (first == nullptr) first = &state;
            if (state.axis != first->axis || state.cuts != first->cuts) return false;
        }
        const auto step = continue_shards({old_, self}, first->axis, divided);
        if (!step) return false;
        auto cuts = first->cuts;
        if (!step->partial) {
            const auto scaled =
                scale(cuts, cuts.back(), (*info(old_).tensors[self.outputs[0]].dims)[step->axis]);
            if (scaled.empty()) return false;
            DISPART_CHECK(write_shards(v, *step, scaled, divided, epoch));
        } else {
            DISPART_CHECK(write_shards(v, *step, cuts, divided, epoch));
        }
        return true;
    }

    /// Cuts of another extent at the same places; none where they do not fall between its positions.
    static std::vector<std::int64_t> scale(const std::vector<std::int64_t>& cuts, std::int64_t from,
                                           std::int64_t to) {
        std::vector<std::int64_t> made;
        for (const auto cut : cuts) {
            if (cut * to % from != 0) return {};
            made.push_back(cut * to / from);
        }
        return made;
    }

    /// Cuts of the result in proportion to the weights, in steps that all layers behind it can keep (whole heads).
    [[nodiscard]] std::vector<std::int64_t> first_cuts(tensor_id t, std::size_t axis) const {
        const auto extent = (*info(old_).tensors[t].dims)[axis];
        std::int64_t unit = 1;
        std::vector<tensor_id> seen;
        look_ahead(t, axis, extent, unit, seen);
        if (extent % unit != 0 || extent / unit < 2) return {};
        auto cuts = weighted_cuts(extent / unit, how_.weights);
        for (auto& cut : cuts) cut *= unit;
        return cuts;
    }
    void look_ahead(tensor_id t, std::size_t axis, std::int64_t extent, std::int64_t& unit,
                    std::vector<tensor_id>& seen) const {
        if (std::find(seen.begin(), seen.end(), t) != seen.end()) return;
        seen.push_back(t);
        for (const layer_id v : readers_[t]) {
            const layer& self = old_[v];
            if (self.outputs.size() != 1 || self.outputs[0] == no_id) continue;
            std::vector<bool> divided;
            for (const tensor_id in : self.inputs)
                divided.push_back(in != no_id && !info(old_).tensors[in].constant &&
                                  (in == t || is_product(self)));
            const auto step = continue_shards({old_, self}, axis, divided);
            if (!step || step->partial) continue;
            const auto next = (*info(old_).tensors[self.outputs[0]].dims)[step->axis];
            unit = std::lcm(unit, extent / std::gcd(extent, next));
            look_ahead(self.outputs[0], step->axis, extent, unit, seen);
        }
    }
    static bool is_product(const layer& self) { return self.op == "MatMul"; }

    result<void> write_shards(layer_id v, const shard_step& step, const std::vector<std::int64_t>& cuts,
                              const std::vector<bool>& divided, std::size_t epoch) {
        const tensor_id out = old_[v].outputs[0];
        sharded_tensor made{.partial = step.partial, .axis = step.axis, .cuts = cuts, .epoch = epoch};
        replaced_[v] = true;
        bool first = true;
        for (std::size_t s = 0; s < how_.devices.size(); ++s) {
            made.pieces.push_back(no_id);
            if (cuts[s] == cuts[s + 1]) continue;
            DISPART_TRY(made.pieces.back(), write_piece(v, step, cuts, divided, s, first, epoch));
            first = false;
        }
        epoch_[out] = epoch;
        sharded_[out] = std::move(made);
        return {};
    }

    result<tensor_id> write_piece(layer_id v, const shard_step& step, const std::vector<std::int64_t>& cuts,
                                  const std::vector<bool>& divided, std::size_t s, bool first,
                                  std::size_t epoch) {
        layer copy = old_[v];
        const auto where = group(s, epoch);
        const auto suffix = "#" + std::to_string(s);
        for (std::size_t i = 0; i < copy.inputs.size(); ++i) {
            if (i < divided.size() && divided[i]) copy.inputs[i] = sharded_.at(old_[v].inputs[i]).pieces[s];
            if (i == step.once && !first) copy.inputs[i] = no_id;
        }
        for (const auto& [operand, axis] : step.sliced) {
            const tensor_id t = old_[v].inputs[operand];
            const auto own = scale({cuts[s], cuts[s + 1]}, cuts.back(), (*info(old_).tensors[t].dims)[axis]);
            if (own.empty())
                return fail(errc::unsupported, copy.name, "its constants cannot be cut into shards");
            DISPART_TRY(copy.inputs[operand], slice_constant(t, axis, own[0], own[1], suffix));
        }
        while (!copy.inputs.empty() && copy.inputs.back() == no_id) copy.inputs.pop_back();
        if (copy.op == "Conv" && get_or<std::int64_t>(copy.attrs, "group", 1) != 1)
            copy.attrs["group"] =
                (*info(old_).tensors[old_[v].inputs[0]].dims)[1] * (cuts[s + 1] - cuts[s]) / cuts.back();
        if (copy.op == "Reshape") {
            auto target = *info(old_).tensors[old_[v].outputs[0]].dims;
            target[step.axis] = cuts[s + 1] - cuts[s];
            copy.attrs.erase("allowzero");
            const shape length{static_cast<std::int64_t>(target.size())};
            copy.inputs[1] = to_.constant(copy.name + suffix + ".shape", tensor::of(length, target));
        }
        copy.name += suffix;
        return to_.add(std::move(copy), where);
    }

    /// A part of a weight; described only where the model's weights are.
    result<tensor_id> slice_constant(tensor_id t, std::size_t axis, std::int64_t begin, std::int64_t end,
                                     const std::string& suffix) {
        const auto& about = info(old_).tensors[t];
        const auto key = std::tuple(t, axis, begin, end);
        if (const auto found = sliced_.find(key); found != sliced_.end()) return found->second;
        auto dims = *about.dims;
        std::int64_t outer = 1, inner = 1;
        for (std::size_t i = 0; i < axis; ++i) outer *= dims[i];
        for (std::size_t i = axis + 1; i < dims.size(); ++i) inner *= dims[i];
        const std::int64_t extent = dims[axis];
        dims[axis] = end - begin;
        if (!about.value.has_value()) return sliced_[key] = to_.weight(about.name + suffix, dims, about.type);
        DISPART_TRY(auto part, tensor::make(about.type, dims));
        const auto size = static_cast<std::int64_t>(size_of(about.type));
        const std::byte* from = about.value.bytes().data();
        std::byte* into = part.bytes().data();
        for (std::int64_t o = 0; o < outer; ++o) {
            const std::byte* at = from + (o * extent + begin) * inner * size;
            into = std::copy(at, at + (end - begin) * inner * size, into);
        }
        return sliced_[key] = to_.constant(about.name + suffix, std::move(part));
    }

    /// Home adds the summands or joins the pieces; the tensor is again what it was.
    result<void> make_whole(tensor_id t) {
        if (!is_divided(t)) return {};
        const sharded_tensor state = std::move(sharded_.at(t));
        sharded_.erase(t);
        std::vector<summand> pieces;
        for (std::size_t s = 0; s < state.pieces.size(); ++s)
            if (state.pieces[s] != no_id) pieces.push_back({state.pieces[s], s});
        epoch_[t] = state.epoch + 1;
        const auto where = group(no_id, epoch_[t]);
        const auto name = to_.about(t).name;
        if (!state.partial) {
            DISPART_CHECK(to_.concat(name + ".join", tensors_of(pieces),
                                     static_cast<std::int64_t>(state.axis), where, t));
            return {};
        }
        if (pieces.size() > 2 && how_.sum == shard_sum::ring)
            return add_in_ring(t, pieces, state.epoch, where);
        if (how_.sum == shard_sum::tree) DISPART_CHECK(add_in_pairs(name, pieces));
        DISPART_CHECK(to_.add({.name = name + ".sum", .op = "Sum", .inputs = tensors_of(pieces)}, where, t));
        return {};
    }

    /// What a shard's device adds to the sum.
    struct summand {
        tensor_id tensor = no_id;
        std::size_t shard = 0;
    };
    static std::vector<tensor_id> tensors_of(const std::vector<summand>& list) {
        std::vector<tensor_id> made;
        for (const summand& each : list) made.push_back(each.tensor);
        return made;
    }

    /// On the first one's device, in a part of its own: it waits for the other.
    result<summand> add_two(const std::string& name, const summand& here, const summand& other) {
        layer both{.name = name, .op = "Add", .inputs = {here.tensor, other.tensor}};
        DISPART_TRY(const auto sum, to_.add(std::move(both), to_.new_group(how_.devices[here.shard])));
        return summand{sum, here.shard};
    }

    /// Adds neighbours until two are left, which home adds.
    result<void> add_in_pairs(const std::string& name, std::vector<summand>& pieces) {
        while (pieces.size() > 2) {
            std::vector<summand> half;
            for (std::size_t i = 0; i < pieces.size(); i += 2) {
                half.push_back(pieces[i]);
                if (i + 1 == pieces.size()) continue;
                DISPART_TRY(half.back(), add_two(name + ".pair", pieces[i], pieces[i + 1]));
            }
            pieces = std::move(half);
        }
        return {};
    }

    /// A slice of every summand goes once around; home joins the sums of the slices.
    result<void> add_in_ring(tensor_id t, const std::vector<summand>& pieces, std::size_t epoch,
                             std::size_t where) {
        const auto& dims = to_.dims(t);
        const auto axis = std::max_element(dims.begin(), dims.end()) - dims.begin();
        const auto cuts = even_cuts(dims[static_cast<std::size_t>(axis)], pieces.size());
        const auto name = to_.about(t).name;
        std::vector<tensor_id> sums;
        for (std::size_t c = 0; c < pieces.size(); ++c) {
            if (cuts[c] == cuts[c + 1]) continue;
            summand sum{};
            for (std::size_t step = 1; step <= pieces.size(); ++step) {
                const summand& from = pieces[(c + step) % pieces.size()];
                DISPART_TRY(const auto slice, to_.slice(name + ".slice", from.tensor, {axis}, {cuts[c]},
                                                        {cuts[c + 1]}, group(from.shard, epoch)));
                const summand own{slice, from.shard};
                if (step == 1) {
                    sum = own;
                    continue;
                }
                DISPART_TRY(sum, add_two(name + ".step", own, sum));
            }
            sums.push_back(sum.tensor);
        }
        DISPART_CHECK(to_.concat(name + ".sums", sums, axis, where, t));
        return {};
    }

    spread_rewriter to_;
    const model& old_;
    const shard_options& how_;
    csr readers_;
    std::vector<std::size_t> epoch_;  // [tensor] of whole ones
    std::vector<bool> replaced_;
    double least_;
    std::map<tensor_id, sharded_tensor> sharded_{};
    std::map<std::pair<std::size_t, std::size_t>, std::size_t> groups_{};
    std::map<std::tuple<tensor_id, std::size_t, std::int64_t, std::int64_t>, tensor_id> sliced_{};
};

}  // namespace detail

/// Divides the heavy layers of a model among devices. A division begins at a convolution (output channels), a Gemm or a
/// MatMul with constant weights (columns), passes through what works channel by channel or head by head, and ends where a
/// product adds over the divided axis (input channels, rows; home adds the summands) or where nothing else is possible (home
/// joins the pieces). An attention block becomes two sums: after its output projection and after its second linear layer.
/// Cuts fall between heads. Everything else runs at home.
/// Errors: unsupported, naming a layer. Precondition: valid graph with known shapes, one weight per device. Exact but for the
/// order of additions. O(model · devices).
[[nodiscard]] inline result<spread_model> spread_shards(const spread_model& whole, const shard_options& how) {
    return detail::shard_writer(whole, how).write();
}

}  // namespace dispart
