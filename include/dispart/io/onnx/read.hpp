#pragma once
/// \file
/// ONNX files to models.

#include <cstddef>
#include <filesystem>
#include <span>
#include <utility>

#include "dispart/core/result.hpp"
#include "dispart/io/file.hpp"
#include "dispart/io/onnx/detail/importer.hpp"
#include "dispart/io/onnx/options.hpp"
#include "dispart/model/infer.hpp"
#include "dispart/model/rewrite.hpp"
#include "dispart/model/uses.hpp"
#include "dispart/model/validate.hpp"

namespace dispart::io {

namespace detail {

/// What follows once the nodes are read: connected, validated, simplified, shapes inferred.
[[nodiscard]] inline result<void> finish(model& made, const onnx_options& options) {
    connect(made);
    DISPART_CHECK(validate(made));
    if (options.simplify) return simplify(made, options.evaluator, options.bounds);
    if (options.infer) return infer_shapes(made, options.evaluator);
    return {};
}

}  // namespace detail

/// Reads an ONNX file (IR version 1 and later) that lies in memory; nothing of it is referred to afterwards.
///
/// Initialisers and Constant nodes become constants (an initialiser that is listed as an input too is no input), symbolic
/// dimensions are bound, the file's own functions are inlined, and so is the branch of an `If` whose condition can be
/// computed; of one that only a request decides both branches are computed and Where chooses. A `Loop` whose number of
/// turns can be computed and a `Scan` over known extents are unrolled. A node without a name is called like its first
/// result. Models without opset_import (IR versions 1 and 2) are taken as opset 1. Shapes that the file tells are not used where `options.infer` is set.
///
/// Errors: parse_error with the offset of the field (truncated, damaged, not ONNX); unsupported, naming every operator
/// that is not handled and a node of each, or an element type; invalid_model (cycle, name without producer, duplicate
/// name, ...); shape_mismatch; invalid_argument (an option that fits nothing); limit_exceeded (too large, too deeply
/// nested); not_found, io_error (external data).
/// O(bytes) time, and memory in proportion to the bytes that are there, whatever sizes the file claims.
/// Source: ONNX Intermediate Representation Specification, onnx.proto.
[[nodiscard]] inline result<model> read_onnx(std::span<const std::byte> bytes,
                                             const onnx_options& options = {}) {
    const auto text = detail::as_text(bytes);
    if (text.starts_with("version https://git-lfs"))
        return fail(errc::parse_error, "ONNX model", "this is a Git LFS pointer, not the model",
                    "git lfs pull");
    return detail::parsing(text, "ONNX model", [&](detail::wire_state& state) -> result<model> {
        detail::onnx_importer importer(options, state);
        auto made = importer.run(detail::parse_model({text, state}));
        const auto finished = made ? detail::finish(*made, options) : tl::unexpected(made.error());
        if (finished) return made;
        auto why = finished.error();
        if (!importer.open_inputs().empty() &&
            (why.code == errc::shape_mismatch || why.code == errc::unsupported))
            why.hint = "the file leaves extents open, which were taken as " + std::to_string(options.unbound) +
                       ": " + importer.open_inputs() + "; state them (onnx_options::input_shapes or bind)";
        return tl::unexpected(std::move(why));
    });
}

/// Reads an ONNX file, with the elements that it keeps in other files of its folder.
/// Errors: those of `read_onnx` and `read_file`.
[[nodiscard]] inline result<model> load_onnx(const std::filesystem::path& path, onnx_options options = {}) {
    DISPART_TRY(const auto bytes, read_file(path));
    if (options.folder.empty()) options.folder = path.has_parent_path() ? path.parent_path() : ".";
    auto read = read_onnx(bytes, options);
    if (!read && read.error().code == errc::parse_error) read.error().message += " of " + path.string();
    return read;
}

}  // namespace dispart::io
