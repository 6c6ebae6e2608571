#pragma once
/// \file
/// Turns a model into a program: chooses layouts, packs weights, fuses tails, and plans memory.
///
/// Convolution-like layers compute channels-last (NHWC); everything else on plain row-major tensors. A value is kept in the
/// layout in which it was computed and converted at most once, where a reader needs the other. To lower another
/// operator to a fast kernel, add a function to a lower_*.hpp and a line to `lower` in eigen_backend.hpp.

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "dispart/model/operators/context.hpp"
#include "dispart/model/order.hpp"
#include "dispart/model/uses.hpp"
#include "dispart/run/eigen/fusion.hpp"
#include "dispart/run/eigen/program.hpp"
#include "dispart/run/kernels/simd/layout.hpp"

namespace dispart::eigen {

using kernels::index_t;

/// How a value lies in memory.
enum class layout { plain, channels_last };

/// The state of one compilation, and the vocabulary of lowering functions.
class compiler {
  public:
    explicit compiler(const model& m)
        : model_(m)
        , consumers_(dispart::consumers(m))
        , tails_(m, consumers_)
        , done_(num_vertices(m), false) {
        const auto count = info(m).tensors.size();
        plain_.assign(count, no_id);
        channels_last_.assign(count, no_id);
        out_.name = info(m).name;
        out_.layer_count = num_vertices(m);
    }

    // --- what lowering functions read

    [[nodiscard]] const model& graph() const { return model_; }
    [[nodiscard]] const layer& at(layer_id l) const { return model_[l]; }
    [[nodiscard]] const tensor_info& about(tensor_id t) const { return info(model_).tensors[t]; }
    [[nodiscard]] const shape& dims(tensor_id t) const { return *about(t).dims; }
    [[nodiscard]] bool is_f32(tensor_id t) const { return about(t).type == dtype::f32; }
    [[nodiscard]] std::int64_t opset() const { return info(model_).opset; }
    [[nodiscard]] const tail_finder& tails() const { return tails_; }

    /// The operand, or no_id where it is absent.
    [[nodiscard]] tensor_id operand(layer_id l, std::size_t i) const {
        return i < at(l).inputs.size() ? at(l).inputs[i] : no_id;
    }
    /// The floats of a constant f32 tensor, or nullptr.
    [[nodiscard]] const float* constant_floats(tensor_id t) const {
        const auto& c = about(t);
        return c.constant && c.value.has_value() && is_f32(t) ? c.value.data<float>().data() : nullptr;
    }
    /// True where the value is there already in some layout.
    [[nodiscard]] bool is_ready(tensor_id t) const {
        return plain_[t] != no_id || channels_last_[t] != no_id;
    }
    /// True where the value was computed channels-last.
    [[nodiscard]] bool is_channels_last(tensor_id t) const { return channels_last_[t] != no_id; }
    /// The tail behind a result.
    [[nodiscard]] tail tail_after(tensor_id t) const {
        return tails_.after(t, [&](tensor_id u) { return is_ready(u); });
    }

    // --- what lowering functions do

    /// The slot of a value that exists already, in a layout; adds a conversion where it is only in the other.
    slot_id read(tensor_id t, layout want) {
        auto& have = want == layout::plain ? plain_ : channels_last_;
        if (have[t] == no_id) {
            if (!is_ready(t)) plain_[t] = constant(about(t).value);
            if (have[t] == no_id) convert(t, want);
        }
        pending_.push_back(have[t]);
        return have[t];
    }

    /// As `read`, for memory that only gets another name: no step touches it now.
    slot_id peek(tensor_id t, layout want) {
        const slot_id s = read(t, want);
        pending_.pop_back();
        return s;
    }

    /// A new slot for a result; other layouts of it follow by conversion.
    slot_id write(tensor_id t, layout as) {
        pending_.push_back(place(t, as));
        return pending_.back();
    }

    /// A slot for a result that a general kernel allocates.
    slot_id write_dynamic(tensor_id t) { return plain_[t] = new_slot(about(t).type, dims(t), home::dynamic); }

    /// Makes a result the same memory as an existing slot.
    void alias(tensor_id t, slot_id memory, layout as) {
        out_.slots[place(t, as)].root = out_.slots[memory].root;
    }

    /// Adds work for the layer that is being compiled, on the slots that were read and written since the last call.
    void emit(std::function<result<void>(machine&)> work) {
        for (const auto s : pending_) touch(s);
        pending_.clear();
        out_.steps.push_back({current_, std::move(work)});
    }

    void need_workspace(std::size_t count) { out_.workspace_bytes = std::max(out_.workspace_bytes, count); }
    void count_packed(std::size_t count) { out_.packed_bytes += count; }
    void mark_done(const std::vector<layer_id>& layers) {
        for (const auto l : layers) done_[l] = true;
    }

    /// A constant slot.
    slot_id constant(tensor value) {
        const auto made = new_slot(value.type(), value.dims(), home::constant);
        out_.constants.resize(out_.slots.size());
        out_.constants[made] = std::move(value);
        return made;
    }

    /// Compiles all layers; `lower(compiler&, layer_id) -> result<void>` handles one.
    /// Errors: invalid_model (cycle, constant without a value, unknown shape); those of `lower`.
    template <class Lower>
    [[nodiscard]] result<program> compile(Lower&& lower) {
        DISPART_TRY(const auto order, topological_order(model_));
        DISPART_CHECK(check_tensors());
        for (const auto t : info(model_).inputs) {
            plain_[t] = new_slot(about(t).type, dims(t), home::input);
            out_.inputs.push_back(plain_[t]);
            out_.input_names.push_back(about(t).name);
        }
        for (const auto l : order) {
            current_ = l;
            if (!done_[l]) DISPART_CHECK(lower(*this, l));
        }
        for (const auto t : info(model_).outputs) out_.outputs.push_back(read(t, layout::plain));
        finish();
        return std::move(out_);
    }

  private:
    [[nodiscard]] shape channels_last_dims(tensor_id t) const {
        const auto& d = dims(t);
        return {d[0], d[2], d[3], d[1]};
    }

    slot_id new_slot(dtype type, shape extents, home from) {
        out_.slots.push_back(
            {.type = type, .dims = std::move(extents), .root = out_.slots.size(), .from = from});
        return out_.slots.size() - 1;
    }

    /// A new slot of its own for a value in a layout.
    slot_id place(tensor_id t, layout as) {
        const auto made =
            new_slot(about(t).type, as == layout::plain ? dims(t) : channels_last_dims(t), home::arena);
        return (as == layout::plain ? plain_ : channels_last_)[t] = made;
    }

    /// Notes that the next step uses the slot's memory.
    void touch(slot_id s) {
        slot& root = out_.slots[out_.slots[s].root];
        if (root.first_step == no_id) root.first_step = out_.steps.size();
        root.last_step = std::max(root.last_step, out_.steps.size());
    }

    void convert(tensor_id t, layout want) {
        const auto& d = dims(t);
        const bool to_plain = want == layout::plain;
        const slot_id from = to_plain ? channels_last_[t] : plain_[t];
        const index_t batch = d[0], channels = d[1], pixels = d[2] * d[3];
        if (channels == 1 || pixels == 1) return alias(t, from, want);
        if (about(t).constant) {
            tensor turned(dtype::f32, channels_last_dims(t));
            kernels::nchw_to_nhwc(batch, channels, pixels, constant_floats(t), turned.data<float>().data());
            channels_last_[t] = constant(std::move(turned));
            return;
        }
        const slot_id to = place(t, want);
        touch(from);
        touch(to);
        out_.steps.push_back({current_, [=](machine& m) -> result<void> {
                                  const auto turn = to_plain ? kernels::nhwc_to_nchw : kernels::nchw_to_nhwc;
                                  turn(batch, channels, pixels, m.floats(from), m.floats(to));
                                  return {};
                              }});
    }

    [[nodiscard]] result<void> check_tensors() const {
        for (tensor_id t = 0; t < info(model_).tensors.size(); ++t) {
            const auto& each = about(t);
            if (!each.dims)
                return fail(errc::invalid_model, each.name, "the tensor's shape is unknown",
                            "run infer_shapes first");
            if (each.constant && !each.value.has_value())
                return fail(errc::invalid_model, each.name, "the constant has no value",
                            "the model was made without weights");
        }
        return {};
    }

    /// Gives outputs memory of their own.
    void finish() {
        out_.constants.resize(out_.slots.size());
        for (const auto s : out_.outputs) {
            slot& root = out_.slots[out_.slots[s].root];
            if (root.from == home::arena) root.from = home::output;
        }
    }

    const model& model_;
    csr consumers_;
    tail_finder tails_;
    std::vector<bool> done_;
    std::vector<slot_id> plain_;
    std::vector<slot_id> channels_last_;
    std::vector<slot_id> pending_{};  ///< what the next step reads and writes
    layer_id current_ = no_id;
    program out_;
};

}  // namespace dispart::eigen
