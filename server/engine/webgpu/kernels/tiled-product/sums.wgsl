// An invocation's sums, and its single logits in a row of the tile.
#repeat t TAIL
let tail$(t) = 32u * COLUMN_QUADS + column * TAIL + $(t)u;
#end

#repeat r ROW_QUADS
#repeat q COLUMN_QUADS
#repeat c 4
var s$(r)_$(q)_$(c) = vec4f(0.0);
#end
#end
#repeat t TAIL
var t$(r)_$(t) = vec4f(0.0);
#end
#repeat once REST
var rest$(r) = vec4f(0.0);
#end
#end
