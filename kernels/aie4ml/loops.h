// What the compilers for the array are told about a loop, each in its own words. A
// compiler for the host is told nothing.

#pragma once

// A loop of so many iterations, at least, which are to overlap: each begins while the
// ones before it are under way. Both compilers do so by themselves where they find it
// worthwhile, but xchesscc looks only where it is told to, and has to know that there
// are iterations to fill the pipeline with. Peano knows how many there are, as all
// such loops have constant bounds, but would unroll a short loop before it looks.
//
// A loop that is to be written out, as part of one that overlaps. A host would take
// longer to compile it so, and gain nothing.
#if defined(__chess__)
#define AIE4ML_PIPELINE(count) [[chess::prepare_for_pipelining]] [[chess::min_loop_count(count)]]
#define AIE4ML_UNROLL [[chess::unroll_loop()]]
#elif defined(__AIECC__)
#define AIE4ML_PIPELINE(count) _Pragma("clang loop unroll(disable)")
#define AIE4ML_UNROLL _Pragma("clang loop unroll(full)")
#else
#define AIE4ML_PIPELINE(count)
#define AIE4ML_UNROLL
#endif
