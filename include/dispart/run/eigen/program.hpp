#pragma once
/// \file
/// What a loaded model is made of: slots that hold values, steps that compute them, and one arena for what lies between.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/run/concepts.hpp"
#include "dispart/tensor/tensor.hpp"

namespace dispart::eigen {

/// Index of a slot: a value in one memory layout.
using slot_id = std::size_t;

/// Where a slot's memory comes from.
enum class home {
    constant,  ///< set when the model is loaded
    input,     ///< the caller's tensor
    arena,     ///< a place in the arena, fixed when the model is loaded
    output,    ///< fresh memory per request, which the caller keeps
    dynamic,   ///< what a general kernel allocates
};

/// A place for a value. Slots with one `root` are the same memory under different shapes.
struct slot {
    dtype type = dtype::f32;
    shape dims{};
    slot_id root = no_id;            ///< the slot whose memory this is; itself for most
    home from = home::arena;         ///< of the root
    std::size_t first_step = no_id;  ///< of the root: first step that touches the memory
    std::size_t last_step = 0;       ///< of the root: last step that touches it
    std::size_t offset = 0;          ///< of the root, in the arena
};

/// The values while a request runs, and the memory they live in.
struct machine {
    std::vector<tensor> values{};  ///< [slot]
    std::shared_ptr<std::byte> arena{};
    std::size_t arena_bytes = 0;
    tensor workspace{};  ///< f32

    std::vector<slot> slots{};
    std::vector<std::vector<slot_id>> aliases{};  ///< [root] the slots that share its memory, itself included

    [[nodiscard]] float* floats(slot_id s) { return values[s].data<float>().data(); }

    /// Gives a root and its aliases their memory.
    void bind(slot_id root, const tensor& memory) {
        for (const auto s : aliases[root]) values[s] = s == root ? memory : memory.reshaped(slots[s].dims);
    }

    /// Binds what a general kernel returned. A view of the arena, which later steps overwrite, is copied.
    /// Errors: shape_mismatch where the result is not what shape inference said.
    [[nodiscard]] result<void> adopt(slot_id root, tensor value, const std::string& layer) {
        if (!value.has_value() || value.type() != slots[root].type || value.dims() != slots[root].dims)
            return fail(errc::shape_mismatch, layer,
                        "the result is " + to_string(value.dims()) + ", not " + to_string(slots[root].dims));
        const auto* first = std::as_const(value).bytes().data();
        const bool inside =
            std::less_equal<>()(arena.get(), first) && std::less<>()(first, arena.get() + arena_bytes);
        bind(root, inside ? value.clone() : value);
        return {};
    }
};

/// One piece of work on behalf of one layer.
struct step {
    layer_id layer = no_id;
    std::function<result<void>(machine&)> run{};
};

/// Places the roots that live in the arena so that those alive at the same time do not overlap: largest first, each at
/// the lowest free offset (heuristic; optimal placement is NP-hard). Returns the arena's size in bytes. O(slots^2).
[[nodiscard]] inline std::size_t place_in_arena(std::vector<slot>& slots) {
    constexpr std::size_t line = tensor::alignment;
    const auto size = [&](slot_id s) {
        const auto count = static_cast<std::size_t>(elements(slots[s].dims)) * size_of(slots[s].type);
        return (count + line - 1) / line * line;
    };
    std::vector<slot_id> order;
    for (slot_id s = 0; s < slots.size(); ++s)
        if (slots[s].root == s && slots[s].from == home::arena && slots[s].first_step != no_id)
            order.push_back(s);
    std::stable_sort(order.begin(), order.end(), [&](slot_id a, slot_id b) { return size(a) > size(b); });

    std::size_t total = 0;
    std::vector<slot_id> placed;  // by offset
    for (const auto s : order) {
        std::size_t offset = 0;
        for (const auto p : placed) {
            const bool together =
                slots[p].first_step <= slots[s].last_step && slots[s].first_step <= slots[p].last_step;
            if (!together) continue;
            if (offset + size(s) <= slots[p].offset) break;
            offset = std::max(offset, slots[p].offset + size(p));
        }
        slots[s].offset = offset;
        total = std::max(total, offset + size(s));
        const auto at =
            std::find_if(placed.begin(), placed.end(), [&](slot_id p) { return slots[p].offset > offset; });
        placed.insert(at, s);
    }
    return total;
}

/// A loaded model, ready to run.
struct program {
    std::string name{};
    std::size_t layer_count = 0;
    std::vector<slot> slots{};
    std::vector<tensor> constants{};  ///< [slot] values of constant roots, else empty
    std::vector<step> steps{};
    std::vector<slot_id> inputs{};   ///< in the model's order
    std::vector<slot_id> outputs{};  ///< in the model's order
    std::vector<std::string> input_names{};
    std::size_t workspace_bytes = 0;
    std::size_t packed_bytes = 0;  ///< weights in the kernels' own layouts
};

/// Runs a program; satisfies `executable`. Made by `eigen_backend::load`. Movable; one thread at a time.
class eigen_executable {
  public:
    explicit eigen_executable(program loaded) : program_(std::move(loaded)) {
        machine_.arena_bytes = place_in_arena(program_.slots);
        machine_.slots = program_.slots;
        machine_.aliases.resize(program_.slots.size());
        for (slot_id s = 0; s < program_.slots.size(); ++s)
            machine_.aliases[program_.slots[s].root].push_back(s);
        machine_.arena = allocate(machine_.arena_bytes);
        machine_.workspace =
            tensor(dtype::f32, {static_cast<std::int64_t>(program_.workspace_bytes / sizeof(float) + 1)});
        machine_.values.resize(program_.slots.size());
        for (slot_id s = 0; s < program_.slots.size(); ++s) {
            const slot& root = program_.slots[s];
            if (root.root != s) continue;
            if (root.from == home::constant) machine_.bind(s, program_.constants[s]);
            if (root.from == home::arena && root.first_step != no_id)
                machine_.bind(s, tensor::view(root.type, root.dims,
                                              {machine_.arena, machine_.arena.get() + root.offset}));
        }
    }

    /// One request: inputs and results in the model's order, in ONNX's layouts. A result that only renames an input
    /// shares its memory.
    /// Errors: shape_mismatch where an input is not of the model's type and shape; those of a general kernel.
    [[nodiscard]] result<std::vector<tensor>> run(std::span<const tensor> inputs) {
        return execute(inputs, nullptr);
    }

    /// The same; reports each layer's seconds, 0 for those that were fused or cost nothing.
    [[nodiscard]] result<std::vector<tensor>> run(std::span<const tensor> inputs,
                                                  const layer_observer& observer) {
        std::vector<double> spent(program_.layer_count, 0.0);
        auto outcome = execute(inputs, &spent);
        if (outcome && observer)
            for (layer_id l = 0; l < spent.size(); ++l) observer(l, seconds(spent[l]));
        return outcome;
    }

    /// Bytes held while idle: packed weights, constants, the arena and the workspace.
    [[nodiscard]] bytes memory() const {
        std::size_t constants = 0;
        for (const auto& value : program_.constants)
            if (value.has_value()) constants += value.size_bytes();
        return bytes(static_cast<double>(program_.packed_bytes + constants + machine_.arena_bytes +
                                         program_.workspace_bytes));
    }

    /// Bytes of intermediate values that may be alive at once.
    [[nodiscard]] bytes arena() const { return bytes(static_cast<double>(machine_.arena_bytes)); }

  private:
    static std::shared_ptr<std::byte> allocate(std::size_t count) {
        return {static_cast<std::byte*>(
                    ::operator new (count + tensor::alignment, std::align_val_t{tensor::alignment})),
                [](std::byte* p) { ::operator delete (p, std::align_val_t{tensor::alignment}); }};
    }

    result<std::vector<tensor>> execute(std::span<const tensor> inputs, std::vector<double>* spent) {
        DISPART_CHECK(take(inputs));
        for (slot_id s = 0; s < program_.slots.size(); ++s) {
            const slot& root = program_.slots[s];
            if (root.root != s || root.from != home::output) continue;
            DISPART_TRY(const auto fresh, tensor::make(root.type, root.dims));
            machine_.bind(s, fresh);
        }
        using clock = std::chrono::steady_clock;
        auto before = clock::now();
        for (const auto& each : program_.steps) {
            DISPART_CHECK(each.run(machine_));
            if (spent == nullptr) continue;
            const auto now = clock::now();
            (*spent)[each.layer] += std::chrono::duration<double>(now - before).count();
            before = now;
        }
        std::vector<tensor> results;
        for (const auto s : program_.outputs) results.push_back(result_of(s));
        release();
        return results;
    }

    /// A result for the caller to keep: constants stay ours.
    [[nodiscard]] tensor result_of(slot_id s) const {
        const bool ours = program_.slots[program_.slots[s].root].from == home::constant;
        return ours ? machine_.values[s].clone() : machine_.values[s];
    }

    result<void> take(std::span<const tensor> inputs) {
        if (inputs.size() != program_.inputs.size())
            return fail(errc::shape_mismatch, program_.name,
                        std::to_string(inputs.size()) + " inputs for a model of " +
                            std::to_string(program_.inputs.size()));
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            const slot& wanted = program_.slots[program_.inputs[i]];
            if (!inputs[i].has_value() || inputs[i].type() != wanted.type || inputs[i].dims() != wanted.dims)
                return fail(errc::shape_mismatch, program_.input_names[i],
                            "the input is " + std::string(to_string(inputs[i].type())) +
                                to_string(inputs[i].dims()) + ", the model takes " +
                                std::string(to_string(wanted.type)) + to_string(wanted.dims));
            machine_.bind(program_.inputs[i], inputs[i]);
        }
        return {};
    }

    /// Lets go of what belongs to the caller or to this request alone.
    void release() {
        for (slot_id s = 0; s < program_.slots.size(); ++s) {
            const home from = program_.slots[program_.slots[s].root].from;
            if (from != home::constant && from != home::arena) machine_.values[s] = tensor();
        }
    }

    program program_;
    machine machine_;
};

}  // namespace dispart::eigen
