// A tile's part of the sums: from hiddenAt and outputTile on.
for (var k = 0u; k < DEPTH; k++) {
  #repeat r ROW_QUADS
  let h$(r) = hidden[hiddenAt + k * rowStride + row + $(r)u * ROWS];
  #end
  #repeat q COLUMN_QUADS
  let w$(q) = output[outputTile + k * columnStride + column + $(q)u * 8u];
  #end
  #repeat t TAIL
  let v$(t) = output[outputTile + k * columnStride + tail$(t) / 4u][tail$(t) % 4u];
  #end
  #repeat r ROW_QUADS
  #repeat q COLUMN_QUADS
  #repeat c 4
  s$(r)_$(q)_$(c) = fma(h$(r), vec4f(w$(q)[$(c)]), s$(r)_$(q)_$(c));
  #end
  #end
  #repeat t TAIL
  t$(r)_$(t) = fma(h$(r), vec4f(v$(t)), t$(r)_$(t));
  #end
  #end
}
#repeat once REST
#repeat i DEPTH/8
{
  let k = column + $(i)u * 8u;
  let v = output[outputTile + k * columnStride + columns4].x;
  #repeat r ROW_QUADS
  rest$(r) = fma(hidden[hiddenAt + k * rowStride + row + $(r)u * ROWS], vec4f(v), rest$(r));
  #end
}
#end
#end
