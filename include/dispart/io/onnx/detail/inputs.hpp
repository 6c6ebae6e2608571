#pragma once
/// \file
/// Shapes of a model's inputs: symbolic dimensions bound, overrides applied.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dispart/io/onnx/detail/messages.hpp"
#include "dispart/io/onnx/options.hpp"
#include "dispart/model/onnx_types.hpp"
#include "dispart/model/operators/context.hpp"

namespace dispart::io::detail {

/// Errors: shape_mismatch (negative, overflow, too many axes).
[[nodiscard]] inline result<void> check_extents(const std::string& owner, const shape& dims) {
    if (dims.size() > max_rank)
        return fail(errc::shape_mismatch, owner, "more than " + std::to_string(max_rank) + " axes");
    if (const auto count = checked_elements(dims); !count)
        return fail(errc::shape_mismatch, owner,
                    "the shape " + to_string(dims) + ": " + count.error().message);
    return {};
}

/// Gives inputs their shapes and remembers which options were of use.
class input_shapes {
  public:
    /// A shape that is given for one input binds its symbols for the others, where `bind` does not.
    input_shapes(const onnx_options& options, const std::vector<value_proto>& inputs)
        : options_(options)
        , bound_(options.bind) {
        for (const auto& input : inputs)
            if (const auto given = options.input_shapes.find(input.name);
                given != options.input_shapes.end() && input.dims && input.dims->size() == given->second.size())
                for (std::size_t i = 0; i < given->second.size(); ++i)
                    bound_.try_emplace(std::string((*input.dims)[i].symbol), given->second[i]);
        bound_.erase("");
    }

    /// The input's type and shape. Errors: unsupported (not a tensor, or its type), invalid_model (no type or shape),
    /// invalid_argument (an option out of its domain), shape_mismatch.
    [[nodiscard]] result<tensor_info> describe(const value_proto& input) {
        tensor_info made{.name = std::string(input.name)};
        if (input.kind != "tensor")
            return fail(errc::unsupported, made.name,
                        input.kind.empty()
                            ? "the input has no type"
                            : "an input of kind " + std::string(input.kind) + " is not handled");
        const auto type = dtype_from_onnx(input.element_type);
        if (!type)
            return fail(errc::unsupported, made.name,
                        "inputs of ONNX's data type " + std::to_string(input.element_type) +
                            " are not handled");
        made.type = *type;
        DISPART_TRY(made.dims, dims_of(input));
        DISPART_CHECK(check_extents(made.name, *made.dims));
        return made;
    }

    /// Errors: invalid_argument where an option names a dimension or an input that does not exist.
    [[nodiscard]] result<void> check_all_used() const {
        DISPART_CHECK(check_are_inputs(options_.input_shapes));
        DISPART_CHECK(check_are_inputs(options_.input_values));
        for (const auto& [name, extent] : options_.bind)
            if (!seen_symbols_.contains(name))
                return fail(errc::invalid_argument, name, "no input has a dimension of this name",
                            listed("dimensions", seen_symbols_));
        return {};
    }

    /// The inputs of which the file leaves extents open that no option states: "x [?,3,?,?]"; empty where there are none.
    [[nodiscard]] const std::string& open() const { return open_; }

  private:
    using names = std::set<std::string, std::less<>>;

    template <class Map>
    [[nodiscard]] result<void> check_are_inputs(const Map& named) const {
        for (const auto& [name, value] : named)
            if (!seen_inputs_.contains(name))
                return fail(errc::invalid_argument, name, "the model has no input of this name",
                            listed("inputs", seen_inputs_));
        return {};
    }

    [[nodiscard]] result<shape> dims_of(const value_proto& input) {
        seen_inputs_.emplace(input.name);
        if (const auto value = options_.input_values.find(input.name); value != options_.input_values.end())
            return value->second.dims();
        const auto given = options_.input_shapes.find(input.name);
        if (given == options_.input_shapes.end() && !input.dims)
            return fail(errc::invalid_model, std::string(input.name), "the input has no shape",
                        "give one in onnx_options::input_shapes");
        shape dims;
        std::string text;
        bool is_open = false;
        for (const auto& dim : input.dims.value_or(std::vector<dimension_proto>{})) {
            DISPART_TRY(const auto extent, extent_of(dim));
            dims.push_back(extent);
            const bool stated = (dim.extent && *dim.extent >= 0) || bound_.contains(dim.symbol);
            is_open = is_open || !stated;
            text += (text.empty() ? "" : ",") + (stated               ? std::to_string(extent)
                                                 : dim.symbol.empty() ? "?"
                                                                      : std::string(dim.symbol));
        }
        if (given != options_.input_shapes.end()) return given->second;
        if (is_open) open_ += (open_.empty() ? "" : ", ") + std::string(input.name) + " [" + text + "]";
        return dims;
    }

    /// A negative extent is how some exporters write an unknown one.
    [[nodiscard]] result<std::int64_t> extent_of(const dimension_proto& dim) {
        if (dim.extent && *dim.extent >= 0) return *dim.extent;
        if (!dim.symbol.empty()) seen_symbols_.emplace(dim.symbol);
        const auto found = bound_.find(dim.symbol);
        const std::int64_t extent = found == bound_.end() ? options_.unbound : found->second;
        if (extent < 0)
            return fail(errc::invalid_argument, dim.symbol.empty() ? "unbound" : std::string(dim.symbol),
                        "a dimension cannot be bound to " + std::to_string(extent));
        return extent;
    }

    [[nodiscard]] static std::string listed(const std::string& what, const names& all) {
        std::string text = "the model's " + what + ":";
        for (const auto& name : all) text += " '" + name + "'";
        return all.empty() ? "the model has no such " + what : text;
    }

    const onnx_options& options_;
    std::map<std::string, std::int64_t, std::less<>> bound_;
    std::string open_{};
    names seen_inputs_{};
    names seen_symbols_{};
};

}  // namespace dispart::io::detail
