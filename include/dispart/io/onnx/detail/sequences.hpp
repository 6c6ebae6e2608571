#pragma once
/// \file
/// Sequences: lists of tensors that are followed while the file is read, so that no layer ever sees one.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/io/onnx/detail/assembly.hpp"
#include "dispart/model/operators.hpp"

namespace dispart::io::detail {

class sequence_assembly : protected onnx_assembly {
  protected:
    using onnx_assembly::onnx_assembly;

    static constexpr std::int64_t most_split = std::int64_t{1}
                                               << 20;  ///< extent of what is split into a sequence

    [[nodiscard]] bool is_about_sequences(const node_proto& node, const name_scope& scope) const {
        if (node.op == "Identity" && node.inputs.size() == 1) {
            const auto t = scope.find(node.inputs[0]);
            return t && sequences_.contains(*t);
        }
        static constexpr std::array<std::string_view, 8> known{
            "SequenceEmpty",  "SequenceConstruct", "SequenceInsert",     "SequenceErase",
            "SequenceLength", "SequenceAt",        "ConcatFromSequence", "SplitToSequence"};
        return std::find(known.begin(), known.end(), node.op) != known.end();
    }

    [[nodiscard]] result<void> follow_sequence(const node_proto& node, const name_scope& scope,
                                               const std::string& name) {
        DISPART_TRY(const auto operands, ids_of(node.inputs, scope, name));
        DISPART_TRY(const auto results, ids_of(node.outputs, scope, name));
        DISPART_TRY(const auto attrs, attributes_of(node.attributes, scope, name));
        if (results.size() != 1 || results[0] == no_id)
            return fail(errc::invalid_model, name, "it has one result");
        if (node.op == "SplitToSequence") return split_to_sequence(operands, attrs, results[0], name);
        std::vector<tensor_id> list;
        if (node.op == "SequenceConstruct") list = operands;
        else if (node.op != "SequenceEmpty") {
            const auto at = operands.empty() ? sequences_.end() : sequences_.find(operands[0]);
            if (at == sequences_.end() && !unsupported_.empty()) return {};
            if (at == sequences_.end()) return fail(errc::invalid_model, name, "its operand is no sequence");
            list = at->second;
        }
        if (node.op == "SequenceLength") {
            make_constant(results[0],
                          tensor::of<std::int64_t>({}, std::array{static_cast<std::int64_t>(list.size())}));
            return {};
        }
        if (node.op == "ConcatFromSequence") return join(std::move(list), attrs, results[0], name);
        const bool inserts = node.op == "SequenceInsert";
        if (inserts && operands.size() < 2)
            return fail(errc::invalid_model, name, "it lacks a tensor to insert");
        if (inserts || node.op == "SequenceErase" || node.op == "SequenceAt") {
            DISPART_TRY(const auto place, place_in(list.size(), inserts, operands, name));
            if (!place) return {};
            const auto at = list.begin() + static_cast<std::ptrdiff_t>(*place);
            if (node.op == "SequenceAt") return add_identity(*at, results[0], name), result<void>{};
            if (inserts) list.insert(at, operands[1]);
            else list.erase(at);
        }
        if (std::any_of(list.begin(), list.end(),
                        [&](tensor_id t) { return t == no_id || sequences_.contains(t); }))
            return fail(errc::invalid_model, name, "an element is no tensor");
        return keep_sequence(results[0], std::move(list), name);
    }

  private:
    [[nodiscard]] result<void> keep_sequence(tensor_id t, std::vector<tensor_id> list,
                                             const std::string& name) {
        inlined_bytes_ += 64 + sizeof(tensor_id) * list.size();
        if (inlined_bytes_ > most_inlined_bytes)
            return fail(errc::limit_exceeded, name, "the sequences become too long");
        sequences_[t] = std::move(list);
        return {};
    }

    /// Where an element is, or is to be: counted from the end where that is negative, the end where nothing is said;
    /// nothing, and a note, where only a request decides it. Errors: invalid_model (there is no such place).
    [[nodiscard]] result<std::optional<std::size_t>> place_in(std::size_t length, bool inserts,
                                                              const std::vector<tensor_id>& operands,
                                                              const std::string& name) {
        const auto count = static_cast<std::int64_t>(length);
        const std::size_t at = inserts ? 2 : 1;
        std::int64_t place = inserts ? count : count - 1;
        if (operands.size() > at && operands[at] != no_id) {
            const auto known = known_.integer(graph_, operands[at], options_.evaluator);
            if (!known) {
                if (unsupported_.empty())
                    unsupported_.add("a place in a sequence that is not constant", name);
                return std::nullopt;
            }
            place = *known < 0 ? *known + count : *known;
        }
        if (place < 0 || place >= count + (inserts ? 1 : 0))
            return fail(errc::invalid_model, name, "the sequence has no such place");
        return static_cast<std::size_t>(place);
    }

    [[nodiscard]] result<void> join(std::vector<tensor_id> list, const attributes& attrs, tensor_id to,
                                    const std::string& name) {
        const auto axis = get_or<std::int64_t>(attrs, "axis", 0);
        if (list.empty()) return fail(errc::invalid_model, name, "nothing to join");
        if (get_or<std::int64_t>(attrs, "new_axis", 0) != 0) add_stack(std::move(list), to, axis, name);
        else
            append({.name = layer_names_.make(name),
                    .op = "Concat",
                    .inputs = std::move(list),
                    .outputs = {to},
                    .attrs = {{"axis", axis}}});
        return {};
    }

    /// Slices of one element each, without the axis unless `keepdims`, or of as many as a constant scalar says.
    [[nodiscard]] result<void> split_to_sequence(const std::vector<tensor_id>& operands,
                                                 const attributes& attrs, tensor_id to,
                                                 const std::string& name) {
        if (operands.empty() || operands[0] == no_id)
            return fail(errc::invalid_model, name, "nothing to split");
        const auto dims = known_.dims(graph_, operands[0], options_.evaluator);
        const bool sized = operands.size() > 1 && operands[1] != no_id;
        const auto size = sized ? known_.integer(graph_, operands[1], options_.evaluator) : std::int64_t{1};
        const bool scalar = !sized || (size && info(graph_).tensors[operands[1]].dims == shape{});
        if (!dims || !scalar) {
            if (unsupported_.empty())
                unsupported_.add("operator SplitToSequence of unknown or listed extents", name);
            return {};
        }
        const auto axis = dispart::detail::normal_axis(get_or<std::int64_t>(attrs, "axis", 0), dims->size());
        if (!axis || *size < 1) return fail(errc::invalid_model, name, "no such axis, or slices of nothing");
        const scanned whole{operands[0], static_cast<std::int64_t>(*axis), (*dims)[*axis], false};
        if (whole.length > most_split || (whole.length - 1) / *size >= static_cast<std::int64_t>(most_turns))
            return fail(errc::limit_exceeded, name, "too many elements or slices");
        inlined_bytes_ +=
            sizeof(std::int64_t) * static_cast<std::size_t>(std::max<std::int64_t>(whole.length, 0));
        const bool drops_axis = !sized && get_or<std::int64_t>(attrs, "keepdims", 1) == 0;
        std::vector<tensor_id> list;
        for (std::int64_t from = 0; from < whole.length; from += *size)
            list.push_back(drops_axis ? add_element(whole, from, name)
                                      : add_slice(whole, from, std::min(*size, whole.length - from), name));
        return keep_sequence(to, std::move(list), name);
    }
};

}  // namespace dispart::io::detail
