SELECT g.prise FROM good g
