#pragma once

namespace dispart::test {

extern const char* const source_folder;      ///< the checkout that is tested
extern const char* const configured_corpus;  ///< what the build was configured with; see corpus.hpp

}  // namespace dispart::test
